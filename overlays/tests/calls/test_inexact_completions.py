"""Completions that are not quite to the letter: what can be read is read and reported, and the charge is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aurous
import pytest
from aurous._json import MAX_DEPTH
from aurous._request.repair import repair
from aurous_client.errors import ParseError
from aurous_client.models import ChatCompletion
from clientkit.callers import Make
from hypothesis import given
from hypothesis import strategies as st
from testkit.raw_server import RawServer
from testkit.responses import KEY, answer, completion
from testkit.streams import chunk, sends

CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


def with_member(*path: Any, value: Any) -> dict[str, Any]:
    """A completion in which one member is another."""
    document = completion()
    document["choices"][0]["message"]["tool_calls"] = [json.loads(json.dumps(CALL))]
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


CHOICE = ("choices", 0)
MESSAGE = (*CHOICE, "message")
FIRST_CALL = (*MESSAGE, "tool_calls", 0)


def message_of(result: ChatCompletion) -> Any:
    return result.choices[0].message


def call_of(result: ChatCompletion) -> Any:
    return message_of(result).tool_calls[0]


CASES: dict[str, tuple[dict[str, Any], Callable[[ChatCompletion], object], object]] = {
    "created null": (with_member("created", value=None), lambda result: result.created, 0),
    "created a string": (with_member("created", value="1731948000"), lambda result: result.created, 1731948000),
    "model missing": (with_member("model", value=...), lambda result: result.model, ""),
    "id a number": (with_member("id", value=7), lambda result: result.id, "7"),
    "object another type": (with_member("object", value=1), lambda result: result.object, "chat.completion"),
    "status missing": (with_member("status", value=...), lambda result: result.status, "completed"),
    "index missing": (with_member(*CHOICE, "index", value=...), lambda result: result.choices[0].index, 0),
    "finish reason missing": (
        with_member(*CHOICE, "finish_reason", value=...),
        lambda result: result.choices[0].finish_reason,
        None,
    ),
    "log probabilities broken": (
        with_member(*CHOICE, "logprobs", value={"content": [{"token": 5}]}),
        lambda result: result.choices[0].logprobs,
        None,
    ),
    "choices an object": (
        {**completion(), "choices": completion()["choices"][0]},
        lambda result: message_of(result).content,
        "Red, green, blue.",
    ),
    "role missing": (with_member(*MESSAGE, "role", value=...), lambda result: message_of(result).role, "assistant"),
    "content a list of parts": (
        with_member(*MESSAGE, "content", value=[{"type": "text", "text": "Red"}, {"type": "text", "text": ", green"}]),
        lambda result: message_of(result).content,
        "Red, green",
    ),
    "content a number": (with_member(*MESSAGE, "content", value=7), lambda result: message_of(result).content, "7"),
    "message in place of its content": (
        with_member(*MESSAGE, value="Red"),
        lambda result: message_of(result).content,
        "Red",
    ),
    "tool calls an object": (
        with_member(*MESSAGE, "tool_calls", value=CALL),
        lambda result: call_of(result).function.name,
        "add",
    ),
    "tool calls null": (
        with_member(*MESSAGE, "tool_calls", value=None),
        lambda result: message_of(result).tool_calls,
        aurous.UNSET,
    ),
    "an empty call among the tool calls": (
        with_member(*MESSAGE, "tool_calls", value=[None, CALL]),
        lambda result: call_of(result).function.name,
        "add",
    ),
    "arguments an object": (
        with_member(*FIRST_CALL, "function", "arguments", value={"a": 1}),
        lambda result: call_of(result).function.arguments,
        '{"a": 1}',
    ),
    "arguments null": (
        with_member(*FIRST_CALL, "function", "arguments", value=None),
        lambda result: call_of(result).function.arguments,
        "",
    ),
    "a call without the level of its function": (
        with_member(*MESSAGE, "tool_calls", value=[{"id": "call_1", "name": "add", "arguments": "{}"}]),
        lambda result: call_of(result).function.name,
        "add",
    ),
    "a call without id": (with_member(*FIRST_CALL, "id", value=...), lambda result: call_of(result).id, ""),
    "tokens a string": (
        with_member("usage", "total_tokens", value="850"),
        lambda result: result.usage.total_tokens,
        850,
    ),
    "tokens missing": (with_member("usage", "prompt_tokens", value=...), lambda result: result.usage.prompt_tokens, 0),
    "breakdown missing": (
        with_member("usage", "breakdown", value=...),
        lambda result: result.usage.breakdown.input_credits,
        0,
    ),
    "breakdown without a model": (
        with_member("usage", "breakdown", "model", value=...),
        lambda result: result.usage.breakdown.model,
        "",
    ),
    "credits a string": (
        with_member("usage", "credits_charged", value="0.2856"),
        lambda result: result.usage.credits_charged,
        0.2856,
    ),
    "error a string": (with_member("error", value="none"), lambda result: result.error, aurous.UNSET),
}


@pytest.mark.parametrize(("document", "read", "expected"), CASES.values(), ids=CASES)
def test_inexact_completion_is_read(
    document: dict[str, Any], read: Callable[[ChatCompletion], object], expected: object, wire: RawServer, make: Make
) -> None:
    wire.plays(answer(200, document))
    caller = make(wire.url)
    result = caller.create()
    assert read(result) == expected
    assert ChatCompletion.from_dict(result.to_dict()) == result
    assert aurous.receipt(result).credits == caller.client.ledger.credits == Decimal("0.2856")
    notes = aurous.response_info(result).inconsistencies
    assert all("expected" in note for note in notes)


def test_inconsistencies_name_place_and_value_without_the_key(wire: RawServer, make: Make) -> None:
    document = {**completion(), "created": KEY[:20], "model": None}
    wire.plays(answer(200, document))
    result = make(wire.url).create()
    notes = aurous.response_info(result).inconsistencies
    assert notes[0].startswith("created: expected a whole number, found the string")
    assert notes[1] == "model: expected a string, found null"


def test_exact_completion_has_no_inconsistencies(wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, completion()))
    assert aurous.response_info(make(wire.url).create()).inconsistencies == ()


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"inner": value}
    return value


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "inexact"])
def test_deeply_nested_completion_is_read_as_far_as_it_can_be_handled(wire: RawServer, make: Make, exact: bool) -> None:
    document = completion() if exact else {**completion(), "created": None}
    # The completion itself is a level.
    wire.plays(answer(200, {**document, "more": nested(MAX_DEPTH - 1)}))
    result = make(wire.url).create()
    assert result.to_dict()["more"] == nested(MAX_DEPTH - 1)


@pytest.mark.parametrize("levels", [MAX_DEPTH, 900, 5000, 100_000])
def test_completion_that_is_nested_too_deeply_is_refused(wire: RawServer, make: Make, levels: int) -> None:
    more = f"{'[' * levels}{']' * levels}"
    for document in (completion(), {**completion(), "created": None}):
        body = f'{json.dumps(document)[:-1]}, "more": {more}}}'
        wire.plays(answer(200, body.encode()))
        with pytest.raises(aurous.APIResponseValidationError):
            make(wire.url).create()
    frame = f'{json.dumps(chunk())[:-1]}, "more": {more}}}'
    wire.plays(sends(frame))
    with pytest.raises(aurous.APIResponseValidationError):
        make(wire.url).stream()


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
PATHS = [
    ("id",),
    ("created",),
    CHOICE,
    ("choices",),
    ("usage",),
    MESSAGE,
    FIRST_CALL,
    (*CHOICE, "index"),
    (*CHOICE, "logprobs"),
    (*CHOICE, "finish_reason"),
    (*MESSAGE, "content"),
    (*MESSAGE, "tool_calls"),
    (*FIRST_CALL, "function"),
    (*FIRST_CALL, "function", "arguments"),
    ("usage", "breakdown"),
    ("usage", "total_tokens"),
    ("usage", "breakdown", "pricing_version"),
]


@given(st.sampled_from(PATHS), DOCUMENTS)
def test_repair_gives_a_completion_that_is_to_the_letter_or_a_parse_error(path: tuple[Any, ...], value: Any) -> None:
    document = with_member(*path, value=value)
    before = json.dumps(document)
    try:
        result, repaired, _ = repair(ChatCompletion.from_dict, document)
    except ParseError:
        return
    finally:
        assert json.dumps(document) == before
    assert ChatCompletion.from_dict(repaired) == result
