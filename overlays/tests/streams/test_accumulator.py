"""The accumulator: what is assembled is what is retrieved, however the answer was cut into chunks."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from aurous import Aurous
from aurous._stream.accumulator import Accumulator, CompletionWithoutUsage
from aurous.billing.receipts import has_usage
from aurous.errors import IncompleteCompletionError
from aurous.testing import AurousMock
from aurous_client.models import ChatCompletion, ChatCompletionChunk
from clientkit.request_members import named
from hypothesis import given
from hypothesis import strategies as st
from testkit.streams import HEAD, USAGE, chunk


def text(content: str) -> dict[str, Any]:
    return chunk({"content": content})


def call(index: int, arguments: str | None = None, **members: Any) -> dict[str, Any]:
    """A delta of one call; `id`, `type` and `name` where they are given."""
    function = {"name": members.pop("name", None), "arguments": arguments}
    given = {name: value for name, value in function.items() if value is not None}
    return chunk({"tool_calls": [{"index": index, **members, "function": given}]})


def end(finish_reason: str = "stop", **members: Any) -> dict[str, Any]:
    return chunk({}, finish_reason, **members)


def retrieved(content: str | None, finish_reason: str = "stop", **members: Any) -> dict[str, Any]:
    """What GET answers."""
    status = "cancelled" if finish_reason == "cancelled" else "completed"
    message = {"role": "assistant", "content": content, **members.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
    choice |= members.pop("choice", {})
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE, "status": status, **members}


def function_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def accumulate(*frames: dict[str, Any]) -> Accumulator:
    accumulator = Accumulator()
    for frame in frames:
        accumulator.add(ChatCompletionChunk.from_dict(frame))
    return accumulator


ROLE = chunk({"role": "assistant", "content": ""})
TOKENS = [{"token": token, "logprob": -0.5, "bytes": [65], "top_logprobs": []} for token in ("Hel", "lo", "!")]
WEATHER = function_call("call_1", "weather", '{"city": "Rome"}')
CLOCK = function_call("call_2", "clock", "{}")


@pytest.mark.parametrize(
    ("frames", "completion"),
    [
        pytest.param([ROLE, text("Hel"), text("lo"), end(usage=USAGE)], retrieved("Hello"), id="text"),
        pytest.param([ROLE, text("Hi"), end(), chunk(usage=USAGE)], retrieved("Hi"), id="usage in a chunk of its own"),
        pytest.param(
            [ROLE, text("Hi"), {**end(), "usage": None}, chunk(usage=USAGE)], retrieved("Hi"), id="usage null before"
        ),
        pytest.param(
            [chunk({}, usage={**USAGE, "total_tokens": 1}), text("Hi"), end(usage=USAGE)],
            retrieved("Hi"),
            id="usage in every chunk",
        ),
        pytest.param([text("Hi"), end(usage=USAGE)], retrieved("Hi"), id="no role"),
        pytest.param([ROLE, end(usage=USAGE)], retrieved(""), id="empty"),
        pytest.param([chunk({"role": "assistant"}), end(usage=USAGE)], retrieved(None), id="no content at all"),
        pytest.param(
            [chunk({"role": "assistant", "content": None}), text("Hi"), end(usage=USAGE)],
            retrieved("Hi"),
            id="content null at first",
        ),
        pytest.param([ROLE, text("Hi"), end("length", usage=USAGE)], retrieved("Hi", "length"), id="length"),
        pytest.param([ROLE, text("Hi"), end("cancelled", usage=USAGE)], retrieved("Hi", "cancelled"), id="cancelled"),
        pytest.param([ROLE, end("new_reason", usage=USAGE)], retrieved("", "new_reason"), id="unknown reason"),
        pytest.param(
            [
                ROLE,
                call(0, "", id="call_1", type="function", name="weather"),
                call(0, '{"city": '),
                call(0, '"Rome"}'),
                end("tool_calls", usage=USAGE),
            ],
            retrieved(None, "tool_calls", message={"tool_calls": [WEATHER]}),
            id="call in pieces",
        ),
        pytest.param(
            [
                call(0, '{"city"', id="call_1", type="function", name="weather"),
                call(0, ': "Rome"', id="call_1", type="function", name="weather"),
                call(0, "}", id="call_1", type="function", name="weather"),
                end("tool_calls", usage=USAGE),
            ],
            retrieved(None, "tool_calls", message={"tool_calls": [WEATHER]}),
            id="id, type and name resent",
        ),
        pytest.param(
            [
                call(0, id="call_1"),
                call(0, type="function"),
                call(0, name="weather"),
                call(0, '{"city": "Rome"}'),
                end("tool_calls", usage=USAGE),
            ],
            retrieved(None, "tool_calls", message={"tool_calls": [WEATHER]}),
            id="id, type and name apart",
        ),
        pytest.param(
            [
                call(1, "{", id="call_2", type="function", name="clock"),
                call(0, '{"city": ', id="call_1", type="function", name="weather"),
                call(1, "}"),
                call(0, '"Rome"}'),
                end("tool_calls", usage=USAGE),
            ],
            retrieved(None, "tool_calls", message={"tool_calls": [WEATHER, CLOCK]}),
            id="second call first, and interleaved",
        ),
        pytest.param(
            [call(7, "{}", id="call_2", name="clock"), text("Let me see."), end("tool_calls", usage=USAGE)],
            retrieved("Let me see.", "tool_calls", message={"tool_calls": [CLOCK]}),
            id="gap before the index, text beside it, no type",
        ),
        pytest.param(
            [
                chunk({"content": "Hel"}) | {"choices": [choice]}
                for choice in (
                    {"index": 0, "delta": {"content": "Hel"}, "logprobs": {"content": TOKENS[:1]}},
                    {"index": 0, "delta": {"content": "lo!"}, "logprobs": {"content": TOKENS[1:]}},
                    {"index": 0, "delta": {}, "logprobs": {"content": None}},
                    {"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None},
                )
            ]
            + [chunk(usage=USAGE)],
            retrieved("Hello!", choice={"logprobs": {"content": TOKENS}}),
            id="logprobs",
        ),
        pytest.param(
            [
                {**ROLE, "system_fingerprint": "a", "service_tier": "x"},
                chunk({"content": "Hi", "mood": "glad"}, system_fingerprint="b"),
                {**end(usage=USAGE), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "seen": 1}]},
            ],
            retrieved("Hi", system_fingerprint="b", service_tier="x", message={"mood": "glad"}, choice={"seen": 1}),
            id="unknown members, the last of each",
        ),
        pytest.param(
            [
                chunk({"role": "assistant", "refusal": None}),
                chunk({"refusal": "I'd "}),
                chunk({"refusal": "rather not."}),
                chunk({"refusal": None}, "stop", usage=USAGE),
            ],
            retrieved(None, message={"refusal": "I'd rather not."}),
            id="refusal in pieces",
        ),
        pytest.param(
            [chunk(warning={"code": "idempotency_ignored_streaming"}), ROLE, text("Hi"), end(usage=USAGE)],
            retrieved("Hi"),
            id="warning first",
        ),
    ],
)
def test_accumulated_completion_equals_the_retrieved_one(
    frames: list[dict[str, Any]], completion: dict[str, Any]
) -> None:
    accumulator = accumulate(*frames)
    assert accumulator.completion() == ChatCompletion.from_dict(completion)
    assert accumulator.completion().to_dict() == completion
    assert accumulator.finished
    assert accumulator.inconsistencies == []


def test_empty_accumulator_has_no_completion() -> None:
    accumulator = Accumulator()
    assert (accumulator.id, accumulator.model, accumulator.created) == (None, None, None)
    assert (accumulator.text, accumulator.tool_calls, accumulator.usage) == ("", [], None)
    assert not accumulator.finished
    assert accumulator.choice.finish_reason is None
    with pytest.raises(IncompleteCompletionError, match="there is no chunk yet"):
        accumulator.completion()


def test_no_usage_is_a_completion_without_it() -> None:
    completion = accumulate(ROLE, text("Hi"), end()).completion()
    assert isinstance(completion, CompletionWithoutUsage)
    assert completion.usage is None
    assert completion.choices[0].message.content == "Hi"
    assert "usage" not in completion.to_dict()
    for again in (copy.deepcopy(completion), pickle.loads(pickle.dumps(completion))):
        assert again == completion
    assert not has_usage(completion)


def test_incomplete_completion_error_is_pickled() -> None:
    error = IncompleteCompletionError("there is nothing", completion_id="cmp_1", text="Hi")
    again = pickle.loads(pickle.dumps(error))
    assert (again.missing, again.text, str(again)) == ("there is nothing", "Hi", str(error))


def test_accumulator_status_follows_the_stream() -> None:
    assert accumulate({**ROLE, "usage": USAGE}).completion().status == "in_progress"


def test_snapshots_do_not_change_later() -> None:
    accumulator = accumulate({**ROLE, "usage": USAGE, "extra": 1}, call(0, "{", id="call_2", name="clock"))
    before = accumulator.completion()
    copy = pickle.loads(pickle.dumps(before))
    for frame in (text("Hi"), call(0, "}"), call(1, "", id="call_3", name="x"), end(usage=USAGE, extra=2)):
        accumulator.add(ChatCompletionChunk.from_dict(frame))
    assert before == copy
    assert before.choices[0].message.tool_calls
    assert before.choices[0].message.tool_calls[0].function.arguments == "{"


def test_reading_text_after_every_chunk_takes_linear_time() -> None:
    accumulator, received = Accumulator(), ""
    for number in range(2_000):
        accumulator.add(ChatCompletionChunk.from_dict(text(str(number))))
        received += str(number)
        assert accumulator.text == received


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([ROLE, {**text("Hi"), "id": "cmp_2"}], ["id changed from 'cmp_1' to 'cmp_2'"]),
        ([ROLE, {**text("Hi"), "model": "x"}], ["model changed from 'aurous-grow-2.0-pro' to 'x'"]),
        ([ROLE, {**text("Hi"), "created": 5}, {**end(), "created": 6}], ["created changed from 1731948000 to 5"]),
        ([end("stop"), end("length")], ["finish_reason changed from 'stop' to 'length'"]),
        ([call(0, id="a"), call(0, id="b")], ["the id of call 0 changed from 'a' to 'b'"]),
        ([text("a\ufffd"), text("\ufffd")], ["content has U+FFFD, which replaces bytes that were not UTF-8"]),
        (
            [text("Hi"), {**HEAD, "choices": [{"index": 1, "delta": {"content": "Ho"}}]}],
            ["there is a choice 1 beside 0; it was left out"],
        ),
    ],
)
def test_accumulator_reports_inconsistencies(frames: list[dict[str, Any]], expected: list[str]) -> None:
    assert accumulate(*frames).inconsistencies == expected


def test_accumulator_keeps_the_first_id() -> None:
    accumulator = accumulate(ROLE, {**text("Hi"), "id": "cmp_2"}, end(usage=USAGE))
    assert accumulator.completion().id == "cmp_1"


@given(
    st.lists(st.text(max_size=4).filter(lambda piece: "\ufffd" not in piece)),
    st.dictionaries(st.integers(0, 9), st.lists(st.text(max_size=3), max_size=4), max_size=3),
    st.randoms(use_true_random=False),
)
def test_tool_calls_in_any_split_and_order_are_accumulated(
    pieces: list[str], calls: dict[int, list[str]], random: Any
) -> None:
    deltas = [("content", text(piece)) for piece in pieces]
    for index, parts in calls.items():
        opening = call(index, "", id=f"call_{index}", type="function", name="f")
        deltas += [(str(index), opening), *((str(index), call(index, part)) for part in parts)]
    # A shuffle that keeps what belongs together in order.
    order = [kind for kind, _ in deltas]
    random.shuffle(order)
    waiting = {kind: iter([frame for of, frame in deltas if of == kind]) for kind in order}
    accumulator = accumulate(ROLE, *(next(waiting[kind]) for kind in order), end(usage=USAGE))

    assert accumulator.text == "".join(pieces)
    assert [tool_call.to_dict() for tool_call in accumulator.tool_calls] == [
        function_call(f"call_{index}", "f", "".join(parts)) for index, parts in sorted(calls.items())
    ]
    assert accumulator.inconsistencies == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"logprobs": True, "top_logprobs": 2},
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]},
        {"response_format": {"type": "json_object"}},
        named(max_tokens=3),
    ],
    ids=lambda options: ", ".join(options) or "plain",
)
def test_inconsistencies_are_reported_by_a_real_stream(aurous_mock: AurousMock, options: dict[str, Any]) -> None:
    accumulator = Accumulator()
    with Aurous() as client:
        question = [{"role": "user", "content": "How is the weather?"}]
        with client.chat.completions.stream(model="aurous-grow-2.0-pro", messages=question, **options) as stream:
            for each in stream:
                accumulator.add(each)
        assert accumulator.id
        assert accumulator.completion() == client.chat.completions.retrieve(accumulator.id)
