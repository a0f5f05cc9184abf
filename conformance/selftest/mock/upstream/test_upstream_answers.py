"""What upstream servers send as an answer: understood, or refused with a typed error that says what it was."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gatewaykit import COUNTS, STOP, USAGE, Gateway, breaks_off, chunk, completion, event, run_gateway, sends
from mockkit import CREATE, WEATHER, content_of, error_of
from testkit.raw_server import Action, raw
from testkit.responses import answer, response

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Bern"}'}}


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Gateway]:
    with run_gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Iterator[Gateway]:
    shared_gateway.mock.reset()
    yield shared_gateway
    assert shared_gateway.holds_nothing()


def message_of(gateway: Gateway, message: Any, **members: Any) -> dict[str, Any]:
    body: dict[str, Any] = gateway.call(answer(200, completion(message, **members))).json()
    return {**body["choices"][0]["message"], "finish_reason": body["choices"][0]["finish_reason"]}


def calls_of(chunks: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The tool calls of a stream as an OpenAI client puts them together: by their index."""
    calls: dict[int, dict[str, str]] = {}
    for frame in chunks:
        for choice in frame["choices"]:
            for call in choice["delta"].get("tool_calls") or ():
                known = calls.setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
                known["id"] += call.get("id") or ""
                known["name"] += call["function"].get("name") or ""
                known["arguments"] += call["function"]["arguments"]
    return [calls[index] for index in sorted(calls)]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        (None, ""),
        ([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}], "in parts"),
        (["in ", "strings"], "in strings"),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "said"}],
            "said",
        ),
        ([], ""),
        ("\ud83d\ude00 pair", "\U0001f600 pair"),
        ("half \ud83d", "half \ufffd"),
        ("\x00\x1b[31m", "\x00\x1b[31m"),
    ],
)
def test_content_of_an_answer_is_understood(gateway: Gateway, content: Any, text: str) -> None:
    assert message_of(gateway, {"content": content})["content"] == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"city":"Bern"}', '{"city":"Bern"}'),
        ({"city": "Bern"}, '{"city":"Bern"}'),
        ({"n": "\ud800"}, '{"n": "\\ud800"}'),
        (None, ""),
        ([1], "[1]"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_arguments_of_any_type_become_json_text(gateway: Gateway, arguments: Any, text: str, streamed: bool) -> None:
    call = {**CALL, "index": 0, "function": {"name": "get_weather", "arguments": arguments}}
    message = {"content": None, "tool_calls": [call]}
    if streamed:
        chunks = gateway.stream(sends(chunk(message), chunk({}, "tool_calls"), COUNTS), tools=[WEATHER])
        assert [known["arguments"] for known in calls_of(chunks)] == [text]
        body = gateway.client.get(f"{CREATE}/{chunks[0]['id']}").json()
    else:
        body = gateway.call(answer(200, completion(message, "tool_calls")), tools=[WEATHER]).json()
    assert body["choices"][0]["message"]["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": text}
    assert body["status"] == "completed"


def test_older_function_call_is_a_tool_call(gateway: Gateway) -> None:
    message = message_of(gateway, {"content": None, "function_call": {"name": "f", "arguments": "{}"}})
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert message["tool_calls"][0]["id"].startswith("call_")


@pytest.mark.parametrize(
    "pieces",
    [
        [{"index": 1, **CALL}, {"index": 2, **CALL, "id": "call_2"}],
        [CALL, {**CALL, "id": "call_2"}],
        [{"index": 0, **CALL}, {"index": 0, **CALL, "id": "call_2"}],
        [{"index": "0", **CALL}, {"index": "1", **CALL, "id": "call_2"}],
        [{"index": None, **CALL}, {"index": None, **CALL, "id": "call_2"}],
        [{"index": -1, **CALL}, {"index": 10**9, **CALL, "id": "call_2"}],
    ],
    ids=["from-1", "without", "same", "strings", "null", "odd"],
)
def test_tool_calls_are_numbered_from_0_however_they_are_sent(gateway: Gateway, pieces: list[dict[str, Any]]) -> None:
    chunks = gateway.stream(sends(*(chunk({"tool_calls": [piece]}) for piece in pieces), STOP), tools=[WEATHER])
    assert [(call["id"], call["arguments"]) for call in calls_of(chunks)] == [
        ("call_1", '{"city":"Bern"}'),
        ("call_2", '{"city":"Bern"}'),
    ]


@pytest.mark.parametrize("index", [{"index": 0}, {}], ids=["index", "no-index"])
def test_tool_call_whose_id_comes_before_its_name_is_understood(gateway: Gateway, index: dict[str, int]) -> None:
    pieces = [
        {**index, "id": "call_1", "type": "function"},
        {**index, "function": {"name": "get_weather", "arguments": ""}},
        {**index, "function": {"arguments": '{"city":"Bern"}'}},
    ]
    chunks = gateway.stream(sends(*(chunk({"tool_calls": [piece]}) for piece in pieces), STOP), tools=[WEATHER])
    assert calls_of(chunks) == [{"id": "call_1", "name": "get_weather", "arguments": '{"city":"Bern"}'}]


def test_tool_call_whose_name_never_comes_is_refused(gateway: Gateway) -> None:
    refused = gateway.call(sends(chunk({"tool_calls": [{"index": 0, "id": "call_1"}]}), STOP), stream=True)
    assert error_of(refused)["code"] == "chat_provider_unknown_error"
    assert "a tool call without a name" in error_of(refused)["message"]


def test_tool_call_in_pieces_without_an_index_is_one_call(gateway: Gateway) -> None:
    pieces = [
        {"id": "call_1", "function": {"name": "get_weather"}},
        {"function": {"arguments": '{"city":'}},
        {"id": "call_1", "function": {"arguments": '"Bern"}'}},
    ]
    chunks = gateway.stream(sends(*(chunk({"tool_calls": [piece]}) for piece in pieces), STOP), tools=[WEATHER])
    assert [(call["name"], call["arguments"]) for call in calls_of(chunks)] == [("get_weather", '{"city":"Bern"}')]


def test_second_choice_is_not_mixed_into_the_first(gateway: Gateway) -> None:
    def of(index: int, text: str, reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": {"content": text}, "finish_reason": reason}

    chunks = [{"choices": [of(0, "one "), of(1, "eins ")]}, {"choices": [of(1, "zwei", "length")]}]
    frames = gateway.stream(sends(*chunks, {"choices": [of(0, "two", "stop")]}, COUNTS))
    assert content_of(frames) == "one two"
    assert frames[-1]["choices"][0]["finish_reason"] == "stop"
    two = [{"message": {"content": text}, "finish_reason": "stop"} for text in ("one", "two")]
    body = gateway.call(answer(200, {"choices": two, "usage": USAGE})).json()
    assert [choice["message"]["content"] for choice in body["choices"]] == ["one"]


@pytest.mark.parametrize(
    "pieces",
    [
        [b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n',
         b'data: {"choices":[{"delta":{"content":"\\ude00b"}}]}\n\n'],
        [b'\xef\xbb\xbfdata: {"choices":[{"delta":{"content":"a\xf0\x9f\x98\x80b"}}]}\n\n'],
        [b'data:{"choices":[{"delta":{"content":"a\xf0\x9f\x98\x80b"}}]}\r\n\r\n'],
        [b': ping\n\nevent: x\nid: 7\ndata: {"choices":[{"delta":\ndata: {"content":"a\xf0\x9f\x98\x80b"}}]}\n\n'],
        [b'data: {"choices":[{"delta":\r\ndata: {"content":"a\xf0\x9f\x98\x80b"}}]}\r\n\r\n'],
        [b'data: {"choices":[{"delta":\r', b'\ndata: {"content":"a\xf0\x9f\x98\x80b"}}]}\r', b'\n', b'\r', b'\n'],
        [b'data: {"choices":[{"delta":\rdata: {"content":"a\xf0\x9f\x98\x80b"}}]}\r\r'],
        [b'data: {"choices":[{"delta":{"content":"a\xf0\x9f\x98\x80b"}}]}\ndata: {"choices":[]}\n\n'],
        [b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n',
         b'data: {"choices":[{"delta":{"content":"\\ude00b"}}]}\n\n'],
        [b'data: {"choices":[{"delta":{"content":"a\xf0\x9f\x98\x80b"}}\ndata: ]}\n\n'],
        [b'data:\n\n', b'data: {"choices":[{"delta":{"content":"a\xf0\x9f\x98\x80b"}}]}\n\n',
         b'event: ping\ndata: \n\n'],
    ],
    ids=["surrogate-halves", "byte-order-mark", "crlf", "data-on-two-lines", "crlf-on-two-lines", "crlf-in-two-blocks",
         "cr-on-two-lines", "no-empty-line", "surrogate-halves-without-empty-line", "first-line-ends-with-a-brace",
         "events-without-data"],
)  # fmt: skip
def test_oddly_written_events_are_understood(gateway: Gateway, pieces: list[bytes]) -> None:
    frames = gateway.stream(sends(*pieces, STOP, COUNTS))
    assert content_of(frames) == "a\U0001f600b"


def test_bytes_that_are_not_utf8_are_replaced(gateway: Gateway) -> None:
    frames = gateway.stream(sends(b'data: {"choices":[{"delta":{"content":"a\xff\xf0\x9fb"}}]}\n\n', STOP))
    assert content_of(frames) == "a\ufffd\ufffdb"


def test_byte_order_mark_before_json_is_left_out(gateway: Gateway) -> None:
    body = response(200, b'\xef\xbb\xbf{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}')
    assert gateway.call(raw(body)).json()["choices"][0]["message"]["content"] == "Hi"


def test_json_in_place_of_a_stream_is_streamed(gateway: Gateway) -> None:
    frames = gateway.stream(answer(200, completion({"content": "All at once.", "tool_calls": [CALL]}, "tool_calls")))
    assert content_of(frames) == "All at once."
    assert [call["name"] for call in calls_of(frames)] == ["get_weather"]
    assert frames[-1]["usage"]["completion_tokens"] == USAGE["completion_tokens"]


def test_stream_in_place_of_json_is_one_answer(gateway: Gateway) -> None:
    body = gateway.call(sends(chunk({"content": "In "}), chunk({"content": "pieces"}), STOP, COUNTS)).json()
    assert body["choices"][0]["message"]["content"] == "In pieces"
    assert body["usage"]["completion_tokens"] == USAGE["completion_tokens"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("length", "length"),
        ("function_call", "tool_calls"),
        ("eos", "stop"),
        ({"odd": 1}, "stop"),
        ("SAFETY", "content_filter"),
    ],
)
def test_reasons_of_other_servers_are_documented_ones(gateway: Gateway, reason: Any, expected: str) -> None:
    assert message_of(gateway, {"content": "Hi"}, finish_reason=reason)["finish_reason"] == expected


@pytest.mark.parametrize("reason", ["abort", "ABORT", "cancelled", "insufficient_system_resource"])
def test_answer_that_its_server_gave_up_is_no_answer(
    gateway: Gateway, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = gateway.call(answer(200, completion({"content": "Hi"}, reason)))
    assert (refused.status_code, error_of(refused)["code"]) == (502, "chat_provider_unavailable")
    *_, last = gateway.stream(sends(chunk({"content": "Hi"}), chunk({}, reason)))
    assert last["error"]["code"] == "chat_provider_unavailable"
    assert gateway.mock.ledger() == []
    assert capsys.readouterr().err.count(f"gave up its answer, with finish_reason {reason.lower()}\n") == 2


def test_hang_up_in_the_middle_of_an_answer_is_logged(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    *_, last = gateway.stream(sends(chunk({"content": "Hi"}), done=False))
    assert last["error"]["code"] == "chat_provider_unavailable"
    assert "the upstream server hung up in the middle of its answer\n" in capsys.readouterr().err


def test_refusal_is_the_content_of_a_filtered_answer(gateway: Gateway) -> None:
    message = message_of(gateway, {"content": None, "refusal": "I cannot help with that."})
    assert (message["content"], message["finish_reason"]) == ("I cannot help with that.", "content_filter")
    frames = gateway.stream(sends(chunk({"refusal": "I cannot."}), STOP, COUNTS))
    assert content_of(frames) == "I cannot."
    assert frames[-1]["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [([chunk({"content": "Hi"})], "stop"), ([chunk({"tool_calls": [{"index": 0, **CALL}]})], "tool_calls")],
    ids=["text", "tool-call"],
)
def test_done_without_a_reason_ends_an_answer(gateway: Gateway, pieces: list[Any], reason: str) -> None:
    assert gateway.stream(sends(*pieces))[-1]["choices"][0]["finish_reason"] == reason


def test_log_probabilities_are_read_one_by_one(gateway: Gateway) -> None:
    entries = [
        {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "\ud800"}, 7]},
        None,
        {"x": 1},
    ]
    choice = {"message": {"content": "Hi"}, "finish_reason": "stop", "logprobs": {"content": entries}}
    body = gateway.call(answer(200, {"choices": [choice]}), logprobs=True, top_logprobs=2).json()
    (entry,) = body["choices"][0]["logprobs"]["content"]
    assert (entry["token"], entry["logprob"], entry["bytes"]) == ("Hi", -0.5, [72, 105])
    assert entry["top_logprobs"] == [{"token": "\ufffd", "logprob": -9999.0, "bytes": None}]


def test_log_probabilities_that_a_server_does_not_send_are_null(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    body = gateway.call(answer(200, completion({"content": "Hi"})), logprobs=True, top_logprobs=2).json()
    assert body["choices"][0]["logprobs"] is None
    frames = gateway.stream(sends(chunk({"content": "Hi"}), STOP), logprobs=True)
    assert [choice.get("logprobs") for frame in frames for choice in frame["choices"]] == [None] * len(frames)
    assert capsys.readouterr().err.count("sent no logprobs") == 2


NESTED = b"[" * 100_000
MANY = b'{"function": {"name": "f"}}]}}]}'
HTML = b"<!doctype html><title>Sign in</title><h1>Sign in</h1>"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (HTML, "HTML"),
        (b"", "nothing"),
        (b"Internal Server Error", "text in place of an answer"),
        (b'{"choices": [', "JSON that cannot be read"),
        (b"[]", "the body is a list"),
        (b"{}", "an answer without choices"),
        (b'{"choices": []}', "an answer without choices"),
        (b'{"choices": {"a": 1}}', "choices is an object in place of a list"),
        (b'{"choices": [7]}', "a choice is a number"),
        (b'{"choices": [{"message": "Hi"}]}', "the message of a choice is a string"),
        (b'{"choices": [{"message": {"content": 7}}]}', "content is a number in place of text"),
        (b'{"choices": [{"message": {"content": {"a": 1}}}]}', "content is an object in place of text"),
        (b'{"choices": [{"message": {"tool_calls": "f"}}]}', "tool_calls is a string in place of a list"),
        (b'{"choices": [{"message": {"tool_calls": [{"function": {}}]}}]}', "a tool call without a name"),
        (b'{"choices": [{"message": {"tool_calls": [{"id": 1, "function": {"name": "f"}}]}}]}', "that is no string"),
        (NESTED, "JSON that cannot be read"),
        (b'{"choices": [{"message": {"tool_calls": [' + b'{"function": {"name": "f"}},' * 128 + MANY, "more than 128"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_what_is_no_answer_is_refused_and_named(gateway: Gateway, body: bytes, says: str, streamed: bool) -> None:
    refused = gateway.call(answer(200, body), stream=streamed)
    assert refused.status_code == 502
    error = error_of(refused)
    assert error["code"] == "chat_provider_unknown_error"
    assert says in error["message"]
    assert gateway.mock.ledger() == []


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b'data: {"choices":[{"delta":{"content":"ha', "chat_provider_unavailable"),
        (b"data: {nonsense}\n\n", "chat_provider_unknown_error"),
        (b"data: <html>\n\n", "chat_provider_unknown_error"),
        (b'data: {"choices":[{"delta":{"content":7}}]}\n\n', "chat_provider_unknown_error"),
        (b'data: {"error":{"message":"out of memory","code":500}}\n\n', "chat_provider_unavailable"),
        (b'event: error\ndata: {"object":"error","message":"no","code":429}\n\n', "provider_rate_limited"),
        (b'event: error\ndata: {"message":"no","code":503}\n\ndata: [DONE]\n\n', "chat_provider_unavailable"),
        (b'event: error\ndata: {"detail":"no"}\n\ndata: [DONE]\n\n', "chat_provider_unknown_error"),
        (b'event: error\ndata: "no"\n\ndata: [DONE]\n\n', "chat_provider_unknown_error"),
        (b'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n', "chat_provider_unavailable"),
    ],
)
def test_stream_that_goes_wrong_ends_with_an_error_frame(gateway: Gateway, tail: bytes, code: str) -> None:
    *chunks, last = gateway.stream(breaks_off(chunk({"content": "Hi"}), tail))
    assert content_of(chunks) == "Hi"
    assert last["error"]["code"] == code
    record = gateway.client.get(f"{CREATE}/{chunks[0]['id']}").json()
    assert (record["status"], record["error"]["code"]) == ("failed", code)
    assert gateway.mock.ledger() == []


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"event: error\ndata: overloaded\n\n", "overloaded"),
        (b"event: error\ndata: it is\ndata: overloaded\n\n", "it is overloaded"),
        (b'event: error\ndata: {"message":"overloaded"}\n', "overloaded"),
        (b'data: {"message":"overloaded"}\nevent: error\n\n', "overloaded"),
        (b"data: overloaded\nevent: error\n\n", "overloaded"),
        (b'data: {"choices":[]}\nevent: error\ndata: {"message":"overloaded"}\n\n', "overloaded"),
        (b'error: {"message":"overloaded"}\n\n', "overloaded"),
        (b"event: error\ndata: [DONE]\n\n", "[DONE]"),
        (b"event: error\n\n", "it gave no reason"),
        (b"event: error\ndata:\n\n", "it gave no reason"),
        (b'event: error\ndata: {"message":"overloa\n\n', '{"message":"overloa'),
    ],
)
@pytest.mark.parametrize("ends", [sends, breaks_off])
def test_event_that_is_named_error_fails_the_completion_and_is_logged(
    gateway: Gateway, tail: bytes, reason: str, ends: Callable[..., Action], capsys: pytest.CaptureFixture[str]
) -> None:
    *chunks, last = gateway.stream(ends(chunk({"content": "Hi"}), STOP, tail))
    assert content_of(chunks) == "Hi"
    assert last["error"]["code"] == "chat_provider_unknown_error"
    assert gateway.mock.ledger() == []
    assert f"the upstream server refused in its answer: {reason}\n" in capsys.readouterr().err


def test_error_that_ends_with_the_body_fails_the_completion(gateway: Gateway) -> None:
    for tail in (b"event: error", b"event: error\n", b"event: error\ndata: overl"):
        *_, last = gateway.stream(raw(response(200, event(chunk({"content": "Hi"})) + event(STOP) + tail)))
        assert last["error"]["code"] == "chat_provider_unknown_error"


def test_event_that_is_not_whole_at_the_end_of_the_body_is_left_out(gateway: Gateway) -> None:
    frames = gateway.stream(raw(response(200, event(chunk({"content": "Hi"})) + event(STOP) + b"data: {\n")))
    assert content_of(frames) == "Hi"


def test_end_of_an_answer_without_an_answer_is_refused(gateway: Gateway) -> None:
    refused = gateway.call(sends(), stream=True)
    assert error_of(refused)["code"] == "chat_provider_unknown_error"
    assert "without an answer" in error_of(refused)["message"]
