"""Completions that are not quite to the letter: what can be read is read and reported, and the charge is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aurous
import pytest
from aurous._request.repair import repair
from aurous_client.errors import ParseError
from aurous_client.models import ChatCompletion
from clientkit.callers import Make
from hypothesis import given
from hypothesis import strategies as st
from testkit.raw_server import RawServer
from testkit.responses import KEY, answer, completion

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


def message_of(made: ChatCompletion) -> Any:
    return made.choices[0].message


def call_of(made: ChatCompletion) -> Any:
    return message_of(made).tool_calls[0]


CASES: dict[str, tuple[dict[str, Any], Callable[[ChatCompletion], object], object]] = {
    "created null": (with_member("created", value=None), lambda made: made.created, 0),
    "created a string": (with_member("created", value="1731948000"), lambda made: made.created, 1731948000),
    "model missing": (with_member("model", value=...), lambda made: made.model, ""),
    "id a number": (with_member("id", value=7), lambda made: made.id, "7"),
    "object another type": (with_member("object", value=1), lambda made: made.object, "chat.completion"),
    "status missing": (with_member("status", value=...), lambda made: made.status, "completed"),
    "index missing": (with_member(*CHOICE, "index", value=...), lambda made: made.choices[0].index, 0),
    "finish reason missing": (
        with_member(*CHOICE, "finish_reason", value=...),
        lambda made: made.choices[0].finish_reason,
        None,
    ),
    "log probabilities broken": (
        with_member(*CHOICE, "logprobs", value={"content": [{"token": 5}]}),
        lambda made: made.choices[0].logprobs,
        None,
    ),
    "choices an object": (
        {**completion(), "choices": completion()["choices"][0]},
        lambda made: message_of(made).content,
        "Red, green, blue.",
    ),
    "role missing": (with_member(*MESSAGE, "role", value=...), lambda made: message_of(made).role, "assistant"),
    "content a list of parts": (
        with_member(*MESSAGE, "content", value=[{"type": "text", "text": "Red"}, {"type": "text", "text": ", green"}]),
        lambda made: message_of(made).content,
        "Red, green",
    ),
    "content a number": (with_member(*MESSAGE, "content", value=7), lambda made: message_of(made).content, "7"),
    "message in place of its content": (
        with_member(*MESSAGE, value="Red"),
        lambda made: message_of(made).content,
        "Red",
    ),
    "tool calls an object": (
        with_member(*MESSAGE, "tool_calls", value=CALL),
        lambda made: call_of(made).function.name,
        "add",
    ),
    "tool calls null": (
        with_member(*MESSAGE, "tool_calls", value=None),
        lambda made: message_of(made).tool_calls,
        aurous.UNSET,
    ),
    "an empty call among the tool calls": (
        with_member(*MESSAGE, "tool_calls", value=[None, CALL]),
        lambda made: call_of(made).function.name,
        "add",
    ),
    "arguments an object": (
        with_member(*FIRST_CALL, "function", "arguments", value={"a": 1}),
        lambda made: call_of(made).function.arguments,
        '{"a": 1}',
    ),
    "arguments null": (
        with_member(*FIRST_CALL, "function", "arguments", value=None),
        lambda made: call_of(made).function.arguments,
        "",
    ),
    "a call without the level of its function": (
        with_member(*MESSAGE, "tool_calls", value=[{"id": "call_1", "name": "add", "arguments": "{}"}]),
        lambda made: call_of(made).function.name,
        "add",
    ),
    "a call without id": (with_member(*FIRST_CALL, "id", value=...), lambda made: call_of(made).id, ""),
    "tokens a string": (with_member("usage", "total_tokens", value="850"), lambda made: made.usage.total_tokens, 850),
    "tokens missing": (with_member("usage", "prompt_tokens", value=...), lambda made: made.usage.prompt_tokens, 0),
    "breakdown missing": (
        with_member("usage", "breakdown", value=...),
        lambda made: made.usage.breakdown.input_credits,
        0,
    ),
    "breakdown without a model": (
        with_member("usage", "breakdown", "model", value=...),
        lambda made: made.usage.breakdown.model,
        "",
    ),
    "credits a string": (
        with_member("usage", "credits_charged", value="0.2856"),
        lambda made: made.usage.credits_charged,
        0.2856,
    ),
    "error a string": (with_member("error", value="none"), lambda made: made.error, aurous.UNSET),
}


@pytest.mark.parametrize(("document", "read", "expected"), CASES.values(), ids=CASES)
def test_inexact_completion_is_read(
    document: dict[str, Any], read: Callable[[ChatCompletion], object], expected: object, wire: RawServer, make: Make
) -> None:
    wire.plays(answer(200, document))
    caller = make(wire.url)
    made = caller.create()
    assert read(made) == expected
    assert ChatCompletion.from_dict(made.to_dict()) == made
    assert aurous.receipt(made).credits == caller.client.ledger.credits == Decimal("0.2856")
    notes = aurous.response_info(made).inconsistencies
    assert all("expected" in note for note in notes)


def test_inconsistencies_name_place_and_value_without_the_key(wire: RawServer, make: Make) -> None:
    document = {**completion(), "created": KEY[:20], "model": None}
    wire.plays(answer(200, document))
    made = make(wire.url).create()
    notes = aurous.response_info(made).inconsistencies
    assert notes[0].startswith("created: expected a whole number, found the string")
    assert notes[1] == "model: expected a string, found null"


def test_exact_completion_has_no_inconsistencies(wire: RawServer, make: Make) -> None:
    wire.plays(answer(200, completion()))
    assert aurous.response_info(make(wire.url).create()).inconsistencies == ()


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
        made, repaired, _ = repair(ChatCompletion.from_dict, document)
    except ParseError:
        return
    finally:
        assert json.dumps(document) == before
    assert ChatCompletion.from_dict(repaired) == made
