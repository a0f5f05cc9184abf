"""Streams that are not quite to the letter: what can be read is read and noted, and the charge is known."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from clientkit.callers import Caller, Make
from clientkit.streams import MODEL, Stream
from testkit.raw_server import RawServer
from testkit.streams import HEAD, LAST, RED, ROLE, USAGE, chunk, sends


@pytest.fixture
def caller(live: Make, wire: RawServer) -> Caller:
    return live(wire.url)


def read(caller: Caller, wire: RawServer, *frames: Any) -> Any:
    wire.plays(sends(*frames, "[DONE]"))
    with Stream(caller) as stream:
        for each in stream:
            assert type(each).from_dict(each.to_dict()) == each
    return stream


def without(frame: dict[str, Any], *path: Any) -> dict[str, Any]:
    """A copy of a frame without one member."""
    copied: dict[str, Any] = json.loads(json.dumps(frame))
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return copied


def with_usage(**members: Any) -> dict[str, Any]:
    return chunk({}, "stop", usage={**USAGE, **members})


TEXTS: dict[str, tuple[list[Any], str]] = {
    "created null": ([{**frame, "created": None} for frame in (ROLE, RED, LAST)], "Red"),
    "created a string": ([{**frame, "created": "1731948000"} for frame in (ROLE, RED, LAST)], "Red"),
    "model missing": ([without(frame, "model") for frame in (ROLE, RED, LAST)], "Red"),
    "model missing but in one": ([without(ROLE, "model"), RED, LAST], "Red"),
    "id missing": ([without(frame, "id") for frame in (ROLE, RED, LAST)], "Red"),
    "id missing but in one": ([ROLE, without(RED, "id"), LAST], "Red"),
    "choice without delta": ([ROLE, RED, without(LAST, "choices", 0, "delta")], "Red"),
    "delta null": ([ROLE, RED, {**LAST, "choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]}], "Red"),
    "message in place of delta": (
        [{**HEAD, "choices": [{"index": 0, "message": {"role": "assistant", "content": "Red"}}]}, LAST],
        "Red",
    ),
    "choice without index": ([ROLE, without(RED, "choices", 0, "index"), LAST], "Red"),
    "index a string": ([ROLE, {**RED, "choices": [{"index": "0", "delta": {"content": "Red"}}]}, LAST], "Red"),
    "choices null with usage": ([ROLE, RED, chunk({}, "stop"), {**chunk(usage=USAGE), "choices": None}], "Red"),
    "choices missing with usage": ([ROLE, RED, chunk({}, "stop"), without(chunk(usage=USAGE), "choices")], "Red"),
    "choices an object": ([ROLE, {**RED, "choices": RED["choices"][0]}, LAST], "Red"),
    "null among the choices": ([ROLE, {**RED, "choices": [None, *RED["choices"]]}, LAST], "Red"),
    "content a list of parts": ([ROLE, chunk({"content": [{"type": "text", "text": "Red"}]}), LAST], "Red"),
    "content a number": ([ROLE, chunk({"content": 7}), LAST], "7"),
    "role missing": ([RED, LAST], "Red"),
    "role null": ([chunk({"role": None, "content": ""}), RED, LAST], "Red"),
    "role another type": ([chunk({"role": 7, "content": ""}), RED, LAST], "Red"),
    "tool calls null": ([ROLE, chunk({"content": "Red", "tool_calls": None}), LAST], "Red"),
    "log probabilities broken": (
        [ROLE, {**RED, "choices": [{**RED["choices"][0], "logprobs": {"content": [{"token": 5}]}}]}, LAST],
        "Red",
    ),
    "unknown finish reason": ([ROLE, RED, chunk({}, "exhausted", usage=USAGE)], "Red"),
    "finish reason a number": (
        [ROLE, RED, {**LAST, "choices": [{"index": 0, "delta": {}, "finish_reason": 5}]}],
        "Red",
    ),
    "ids that change": ([{**RED, "id": "cmp_1"}, {**LAST, "id": "cmp_2"}], "Red"),
    "tokens as strings": ([ROLE, RED, with_usage(total_tokens="36")], "Red"),
    "credits as a string": ([ROLE, RED, with_usage(credits_charged="0.0117")], "Red"),
    "usage without its breakdown": ([ROLE, RED, without(with_usage(), "usage", "breakdown")], "Red"),
    "usage null": ([ROLE, {**RED, "usage": None}, LAST], "Red"),
    "a surrogate pair in two chunks": ([ROLE, chunk({"content": "\ud83d"}), chunk({"content": "\ude00"}), LAST], "😀"),
    "a half of a surrogate pair": ([ROLE, chunk({"content": "\ud83d"}), chunk({"content": "!"}), LAST], "\ud83d!"),
}


@pytest.mark.parametrize(("frames", "text"), TEXTS.values(), ids=TEXTS)
def test_inexact_stream_is_read_to_its_end(frames: list[Any], text: str, caller: Caller, wire: RawServer) -> None:
    stream = read(caller, wire, *frames)
    result = stream.completion
    assert (stream.end, stream.snapshot.text, result.choices[0].message.content) == ("finished", text, text)
    assert result.choices[0].message.role == "assistant"
    assert result.created == (0 if frames[0].get("created") is None else 1731948000)
    assert stream.receipt.credits == caller.client.ledger.credits == Decimal("0.0117")
    assert type(result).from_dict(result.to_dict()) == result


def test_repairs_are_noted_once_for_each_kind(caller: Caller, wire: RawServer) -> None:
    frames = [without({**frame, "created": None}, "model") for frame in (ROLE, RED, RED, LAST)]
    assert read(caller, wire, *frames).snapshot.inconsistencies == [
        "created: expected a whole number, found null",
        "model: expected a value, found nothing",
    ]


def test_missing_member_is_that_of_the_other_chunks(caller: Caller, wire: RawServer) -> None:
    wire.plays(sends(ROLE, without(RED, "model"), {**LAST, "created": None}, "[DONE]"))
    with Stream(caller) as stream:
        heads = {(each.id, each.created, each.model) for each in stream}
    assert heads == {("cmp_1", 1731948000, MODEL)}


def test_usage_without_credits_is_no_usage(caller: Caller, wire: RawServer) -> None:
    stream = read(caller, wire, ROLE, RED, without(with_usage(), "usage", "credits_charged"))
    assert (stream.completion.usage, stream.receipt) == (None, None)
    assert stream.snapshot.inconsistencies == ["usage.credits_charged: expected a value, found nothing"]
    assert caller.client.ledger.unsettled == ("cmp_1",)


def calls(*pieces: dict[str, Any]) -> list[Any]:
    return [ROLE, *(chunk({"tool_calls": [piece]}) for piece in pieces), chunk({}, "tool_calls", usage=USAGE)]


def function(name: str | None, arguments: Any) -> dict[str, Any]:
    return {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}


CALLS: dict[str, list[Any]] = {
    "without index": calls(
        {"id": "a", "type": "function", "function": function("add", "{")},
        {"function": function(None, "}")},
        {"id": "b", "type": "function", "function": function("sub", "{")},
        {"function": function(None, "}")},
    ),
    "without index, with ids": calls(
        {"id": "a", "function": function("add", "{")},
        {"id": "b", "function": function("sub", "{")},
        {"id": "a", "function": function(None, "}")},
        {"id": "b", "function": function(None, "}")},
    ),
    "all of one index": calls(
        {"index": 0, "id": "a", "function": function("add", "{}")},
        {"index": 0, "id": "b", "function": function("sub", "{}")},
    ),
    "all of one index, in one chunk": [
        ROLE,
        chunk(
            {
                "tool_calls": [
                    {"index": 0, "id": "a", "function": function("add", "{}")},
                    {"index": 0, "id": "b", "function": function("sub", "{}")},
                ]
            }
        ),
        chunk({}, "tool_calls", usage=USAGE),
    ],
    "all of one index, in pieces": calls(
        {"index": 0, "id": "a", "function": function("add", "{")},
        {"index": 0, "id": "a", "function": function(None, "}")},
        {"index": 0, "id": "b", "function": function("sub", "{")},
        {"index": 0, "id": "b", "function": function(None, "}")},
    ),
    "index null": calls(
        {"index": None, "id": "a", "function": function("add", "{}")},
        {"index": None, "id": "b", "function": function("sub", "{}")},
    ),
    "index a string": calls(
        {"index": "0", "id": "a", "function": function("add", "{}")},
        {"index": "1", "id": "b", "function": function("sub", "{}")},
    ),
    "arguments an object": calls(
        {"index": 0, "id": "a", "function": function("add", {})},
        {"index": 1, "id": "b", "function": function("sub", {})},
    ),
    "no level of the function": calls(
        {"index": 0, "id": "a", "name": "add", "arguments": "{}", "function": []},
        {"index": 1, "id": "b", "name": "sub", "arguments": "{}", "function": 1},
    ),
    "an object for the list": [
        ROLE,
        chunk({"tool_calls": {"index": 0, "id": "a", "function": function("add", "{}")}}),
        chunk({"tool_calls": {"index": 1, "id": "b", "function": function("sub", "{}")}}),
        chunk({}, "tool_calls", usage=USAGE),
    ],
}


@pytest.mark.parametrize("frames", CALLS.values(), ids=CALLS)
def test_inexact_tool_calls_are_told_apart(frames: list[Any], caller: Caller, wire: RawServer) -> None:
    stream = read(caller, wire, *frames)
    result = stream.completion.choices[0].message.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in result] == [
        ("a", "add", "{}"),
        ("b", "sub", "{}"),
    ]
    assert stream.snapshot.inconsistencies
    assert stream.receipt.credits == Decimal("0.0117")


def test_indices_of_delivered_calls_tell_them_apart(caller: Caller, wire: RawServer) -> None:
    wire.plays(sends(*CALLS["all of one index, in pieces"], "[DONE]"))
    with Stream(caller) as stream:
        indexes = [piece.index for each in stream for piece in each.choices[0].delta.tool_calls or ()]
    assert indexes == [0, 0, 1, 1]


def test_arguments_cut_within_a_character_are_whole(caller: Caller, wire: RawServer) -> None:
    frames = calls(
        {"index": 0, "id": "a", "function": function("add", '"\ud83d')},
        {"index": 0, "function": function(None, '\ude00"')},
    )
    [call] = read(caller, wire, *frames).completion.choices[0].message.tool_calls
    assert call.function.arguments == '"😀"'
