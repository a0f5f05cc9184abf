"""Reading answers: the generated models take what a server may send, and say where it is not what the spec promises."""

from __future__ import annotations

import copy
import datetime
import json
import pickle
import subprocess
import sys
import typing
from typing import Any

import httpx
import pytest
from aurous_client import UNSET, AuthenticatedClient, Unset, models, parsing
from aurous_client.api.chat import create_chat_completion, retrieve_chat_completion
from aurous_client.client import read_response
from aurous_client.errors import ClientError, EncodeError, ParseError, StatusError, TransportError
from aurous_client.models import ChatCompletion, ChatCompletionChunk, ChatCompletionRequest, UserMessage

COMPLETION: dict[str, Any] = {
    "id": "cmp_1",
    "object": "chat.completion",
    "created": 1731948000,
    "model": "aurous-grow-2.0-pro",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "credits_charged": 0.001,
        "breakdown": {"input_credits": 0.0001, "output_credits": 0.0009, "model": "m", "pricing_version": 7},
    },
    "status": "completed",
}
LOST = object()
KEY = "al_live_secret"


def repickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301


def changed(path: str, value: Any) -> dict[str, Any]:
    modified = copy.deepcopy(COMPLETION)
    *steps, last = path.split(".")
    node: Any = modified
    for step in steps:
        node = node[int(step)] if step.isdigit() else node[step]
    if value is LOST:
        del node[last]
    else:
        node[last] = value
    return modified


def token_with(octets: list[Any]) -> dict[str, Any]:
    return {"token": "hi", "logprob": -0.5, "bytes": octets, "top_logprobs": []}


# (what is changed, to what, the pointer of the error, its words)
FAULTS = [
    ("usage", LOST, "usage", "expected a value, found nothing"),
    ("id", LOST, "id", "expected a value, found nothing"),
    ("id", None, "id", "expected a string, found null"),
    ("model", 7, "model", "expected a string, found 7"),
    ("created", "now", "created", 'expected a whole number, found the string "now"'),
    ("created", 1.5, "created", "expected a whole number, found 1.5"),
    ("created", True, "created", "expected a whole number, found true"),
    ("created", float("inf"), "created", "expected a whole number"),
    ("usage", None, "usage", "expected an object, found null"),
    ("usage", [], "usage", "expected an object, found an array of 0"),
    ("usage.breakdown", "much", "usage.breakdown", 'expected an object, found the string "much"'),
    ("usage.credits_charged", "0.1", "usage.credits_charged", "expected a number"),
    ("usage.credits_charged", True, "usage.credits_charged", "expected a number, found true"),
    ("usage.credits_charged", 10**400, "usage.credits_charged", "within the range of a float"),
    ("choices", None, "choices", "expected an array, found null"),
    ("choices", {}, "choices", "expected an array, found an object"),
    ("choices", ["x"], "choices[0]", "expected an object"),
    ("choices.0.message.content", 7, "choices[0].message.content", "expected a string or null, found 7"),
    ("choices.0.message.content", "x" * 99, None, None),
    ("choices.0.finish_reason", 7, "choices[0].finish_reason", "expected a string or null, found 7"),
    ("choices.0.logprobs", {"content": [{"token": 1}]}, "choices[0].logprobs.content[0].token", "expected a string"),
    ("choices.0.logprobs", {"content": [token_with([104, True])]}, "choices[0].logprobs.content[0].bytes[1]", "true"),
    ("choices.0.logprobs", {"content": [token_with([104, "i"])]}, "choices[0].logprobs.content[0].bytes[1]", '"i"'),
    ("error", {"code": "x", "type": "y"}, "error.message", "expected a value, found nothing"),
    ("error", "oops", "error", "expected an object or null"),
    ("status", 5, "status", "expected a string, found 5"),
]


@pytest.mark.parametrize(("path", "value", "pointer", "words"), FAULTS)
def test_parse_error_names_the_place(path: str, value: Any, pointer: str | None, words: str | None) -> None:
    if pointer is None:
        ChatCompletion.from_dict(changed(path, value))
        return
    with pytest.raises(ParseError) as caught:
        ChatCompletion.from_dict(changed(path, value))
    assert caught.value.pointer == pointer
    assert str(words) in str(caught.value)
    assert len(str(caught.value)) < 200
    assert str(repickled(caught.value)) == str(caught.value)
    assert repr(copy.copy(caught.value)) == repr(caught.value)


def test_whole_numbers_in_an_array_are_integers_however_they_are_written() -> None:
    token = models.TokenLogprob.from_dict(token_with([104, 105.0]))
    assert token.bytes_ == [104, 105]
    assert [type(octet) for octet in token.bytes_ or ()] == [int, int]


BODIES = {
    "HTML": (b"<html>502</html>", "16 bytes of something else"),
    "empty": (b"", "an empty body"),
    "truncated": (json.dumps(COMPLETION).encode()[:-9], "bytes of something else"),
    "bad UTF-8": (b'{"id": "\xff"}', "bytes of something else"),
    "NaN": (b'{"id": NaN}', "bytes of something else"),
    "deep": (b"[" * 200_000 + b"]" * 200_000, "bytes of something else"),
    "another type": (b"[]", "expected an object, found an array of 0"),
    "null": (b"null", "expected an object, found null"),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_of_another_type_is_a_parse_error(name: str) -> None:
    body, words = BODIES[name]
    with pytest.raises(ParseError) as caught:
        read_response(create_chat_completion.OPERATION, 200, {}, body)
    assert words in str(caught.value)
    assert caught.value.path == ()


def test_whole_floats_are_integers_and_integers_are_numbers() -> None:
    completion = ChatCompletion.from_dict(changed("created", 1731948000.0))
    assert type(completion.created) is int
    usage = ChatCompletion.from_dict(changed("usage.credits_charged", 1)).usage
    assert (usage.credits_charged, type(usage.credits_charged)) == (1.0, float)


def test_unknown_values_of_enums_are_kept() -> None:
    assert ChatCompletion.from_dict(changed("status", "paused")).status == "paused"
    completion = ChatCompletion.from_dict(changed("choices.0.finish_reason", "bored"))
    assert completion.choices[0].finish_reason == "bored"
    assert str(ChatCompletion.from_dict(changed("object", "chat.completion.v2")).object) == "chat.completion.v2"


def test_null_for_an_optional_member_is_tolerated() -> None:
    assert ChatCompletion.from_dict(changed("error", None)).error is None
    assert ChatCompletion.from_dict(changed("usage.reasoning_tokens", None)).usage.reasoning_tokens is UNSET
    assert (
        ChatCompletion.from_dict(changed("choices.0.message.tool_calls", None)).choices[0].message.tool_calls is UNSET
    )
    model = models.Model.from_dict({"id": "m", "object": "model", "aurous_metadata": None, "chat_pricing": None})
    assert (model.aurous_metadata, model.chat_pricing) == (UNSET, None)
    chunk = {"id": "cmp_1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": None}
    assert ChatCompletionChunk.from_dict(chunk).usage is None


def test_invalid_object_is_not_returned_as_a_dict() -> None:
    with pytest.raises(ParseError) as caught:
        ChatCompletionChunk.from_dict(
            {"id": "c", "object": "o", "created": 1, "model": "m", "choices": [], "usage": {"prompt_tokens": 1}}
        )
    assert caught.value.pointer == "usage.completion_tokens"


def test_unknown_members_are_kept() -> None:
    document = changed("usage.breakdown.discount", {"of": [1, None]})
    document |= {"system_fingerprint": "fp", "choices": [*document["choices"]]}
    completion = ChatCompletion.from_dict(document)
    assert completion.additional_properties == {"system_fingerprint": "fp"}
    assert completion.to_dict() == document


def test_parsed_document_is_written_unchanged() -> None:
    document = copy.deepcopy(COMPLETION)
    completion = ChatCompletion.from_dict(document)
    completion.to_dict()["choices"][0]["message"]["content"] = "other"
    completion.usage.additional_properties["x"] = 1
    assert document == COMPLETION
    assert completion.choices[0].message.content == "Hi"
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    before = copy.deepcopy(body)
    create_chat_completion.build_request(body=body)
    assert body == before


def test_union_branch_is_chosen_by_its_tag() -> None:
    messages = [
        {"role": "tool", "content": "4", "tool_call_id": "c"},
        {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "u"}}]},
    ]
    request = ChatCompletionRequest.from_dict({"model": "m", "messages": messages})
    assert [type(message).__name__ for message in request.messages] == ["ToolMessage", "UserMessage"]
    assert request.to_dict() == {"model": "m", "messages": messages}
    with pytest.raises(ParseError) as caught:
        ChatCompletionRequest.from_dict({"model": "m", "messages": [{"role": "tool", "content": "4"}]})
    assert caught.value.pointer == "messages[0].tool_call_id"
    with pytest.raises(ParseError) as caught:
        ChatCompletionRequest.from_dict({"model": "m", "messages": [{"role": "oracle"}]})
    assert str(caught.value) == (
        "messages[0].role: expected 'system' or 'user' or 'assistant' or 'tool', found the string \"oracle\""
    )


# ---------------------------------------------------------------- models as Python objects

CLASSES = [getattr(models, name) for name in models.__all__ if isinstance(getattr(models, name), type)]


@pytest.mark.parametrize("model", CLASSES)
def test_every_model_is_keyword_only_and_has_type_hints(model: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        model(*["x"] * 9)
    assert "additional_properties" in typing.get_type_hints(model)
    assert "from_dict" in vars(model)


def test_unset_is_a_singleton() -> None:
    request = ChatCompletionRequest(model="m", messages=[UserMessage(content="hi")])
    for clone in (repickled(request), copy.deepcopy(request), copy.copy(request)):
        assert clone == request
        assert clone.temperature is UNSET
        assert clone.to_dict() == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert repickled(UNSET) is UNSET
    assert copy.deepcopy(UNSET) is UNSET
    assert (bool(UNSET), repr(UNSET), isinstance(UNSET, Unset)) == (False, "UNSET", True)


def test_parsing_imports_nothing() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("aurous_client.models."):
            source = module.__loader__.get_source(name)  # type: ignore[union-attr]
            assert "\n        from " not in source


# ---------------------------------------------------------------- statuses and errors


def client(answer: httpx.Response | Exception, **options: Any) -> AuthenticatedClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return AuthenticatedClient(token=KEY, httpx_args={"transport": httpx.MockTransport(handle)}, **options)


ENVELOPE = {
    "error": {
        "type": "invalid_request",
        "code": "new_code",
        "message": "No.",
        "doc_url": "https://x",
        "request_id": "req_1",
    }
}


@pytest.mark.parametrize("status", [100, 199, 301, 307, 400, 404, 499, 500, 520, 529, 599])
def test_any_status_but_2xx_raises_status_error(status: int) -> None:
    with pytest.raises(StatusError) as caught:
        read_response(retrieve_chat_completion.OPERATION, status, httpx.Headers({"Retry-After": "3"}), b"<html>")
    error = caught.value
    assert (error.status_code, error.headers["retry-after"], error.headers["Retry-After"]) == (status, "3", "3")
    assert (error.envelope, str(error)) == (None, f"HTTP {status}")
    again = repickled(error)
    assert (again.status_code, again.headers["Retry-After"], again.content) == (status, "3", b"<html>")


@pytest.mark.parametrize("status", [200, 201, 206, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    response = read_response(retrieve_chat_completion.OPERATION, status, {"a": "b"}, json.dumps(COMPLETION).encode())
    assert (response.status_code, response.headers, response.parsed.id) == (status, {"a": "b"}, "cmp_1")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"error": "no"}', b'{"error": []}', b"\xff", b"[" * 100_000])
def test_error_envelope_of_another_form_is_ignored(body: bytes) -> None:
    error = StatusError(500, {}, body)
    assert (error.envelope, str(error)) == (None, "HTTP 500")


def test_error_envelope_is_parsed() -> None:
    error = StatusError(400, {}, json.dumps(ENVELOPE).encode())
    assert error.envelope is not None
    assert error.envelope.error.code == "new_code"
    assert str(error) == "HTTP 400 new_code: No."


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("x")]
)
def test_missing_response_raises_one_error(fault: httpx.HTTPError) -> None:
    with pytest.raises(TransportError) as caught:
        retrieve_chat_completion.sync("cmp_1", client=client(fault))
    assert caught.value.__cause__ is fault
    assert str(caught.value).startswith("GET /v1/chat/completions/cmp_1: ")
    assert not str(caught.value).endswith(": ")


def test_all_generated_errors_have_one_base() -> None:
    assert all(issubclass(error, ClientError) for error in (EncodeError, ParseError, StatusError, TransportError))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-15T12:30:00Z", datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)),
        ("2026-05-15t12:30:00z", datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)),
        ("2026-05-15T12:30:00.123456789Z", datetime.datetime(2026, 5, 15, 12, 30, 0, 123456, tzinfo=datetime.UTC)),
        ("2026-05-15 12:30:00-00:00", datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)),
        ("2026-05-15T24:00:00Z", datetime.datetime(2026, 5, 16, tzinfo=datetime.UTC)),
        ("2026-05-15T12:30", datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)),
        ("20260515T123000Z", datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)),
    ],
)
def test_date_times_are_read_in_every_form_of_iso_8601(text: str, expected: datetime.datetime) -> None:
    modified = parsing.date_time(text)
    assert (modified, repr(modified.tzinfo)) == (expected, repr(expected.tzinfo))


def test_offset_of_a_date_time_is_kept() -> None:
    modified = repickled(parsing.date_time("2026-05-15T12:30:00+02:00"))
    assert modified.isoformat() == "2026-05-15T12:30:00+02:00"


@pytest.mark.parametrize("read", [parsing.date_time, parsing.date])
@pytest.mark.parametrize(
    "value", ["", "2026", "2026-05", "2026-13-01", "2026-05-15T99:00:00Z", "soon", "é" * 20, 20260515, None, ["2026"]]
)
def test_invalid_dates_are_parse_errors(read: Any, value: Any) -> None:
    with pytest.raises(ParseError, match=r"expected a (date and time|date) in ISO 8601|expected a string"):
        read(value)


def test_dates_are_parsed() -> None:
    assert parsing.date("2026-05-15") == parsing.date("20260515") == datetime.date(2026, 5, 15)


def test_dateutil_is_imported_by_the_first_date_only() -> None:
    program = (
        "import sys; from aurous_client import models, parsing, resources; models.ChatCompletion; "
        "assert 'dateutil' not in sys.modules; parsing.date_time('2026-05-15T12:30:00Z'); "
        "assert 'dateutil' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_fault_in_nested_arrays_is_located_without_parsing_again() -> None:
    from aurous_client.errors import ParseError
    from aurous_client.parsing import array, string

    parsed = []

    def nested(value: Any) -> Any:
        parsed.append(value)
        return array(value, nested) if isinstance(value, list) else string(value)

    value: Any = 7
    for _ in range(60):
        value = [value]
    with pytest.raises(ParseError) as error:
        nested(value)
    assert error.value.path == (0,) * 60
    assert len(parsed) == 61
