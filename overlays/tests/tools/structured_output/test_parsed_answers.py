"""Answers read as an object of a class, or refused with the reason."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec
import pydantic
import pytest
from aurous import Aurous
from aurous.testing import AurousMock
from aurous.tools.json_schema import UnsupportedTypeError
from aurous.tools.structured_output import (
    StructuredOutputError,
    parsed,
    response_format_for,
)
from aurous_client.models import ChatCompletion
from clientkit.request_members import named
from clientkit.structured_output import (
    ADA,
    KINDS,
    MODEL,
    QUESTION,
    Home,
    Mood,
    PersonAttrs,
    PersonDict,
    PersonModel,
    completion,
)
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    Nowhere = str


@dataclass
class UnresolvedDataclass:
    place: Nowhere


class UnresolvedStruct(msgspec.Struct):
    place: Nowhere


class UnresolvedModel(pydantic.BaseModel):
    place: Nowhere


class UnresolvedDict(TypedDict):
    place: Nowhere


@dataclass
class Around:
    inner: list[UnresolvedDataclass]


@pytest.mark.parametrize("use", [response_format_for, lambda kind: parsed(completion("{}"), kind)])
@pytest.mark.parametrize("kind", [UnresolvedDataclass, UnresolvedStruct, UnresolvedModel, UnresolvedDict, Around])
def test_field_whose_type_cannot_be_evaluated_is_named(kind: type[Any], use: Any) -> None:
    field = "UnresolvedDataclass.place" if kind is Around else f"{kind.__name__}.place"
    reason = f"the type of {field} cannot be evaluated: name 'Nowhere' is not defined.*define or import them there"
    with pytest.raises(UnsupportedTypeError, match=reason):
        use(kind)


def test_errors_of_the_code_of_a_class_are_its_own() -> None:
    @dataclass
    class Faulty:
        name: str

        def __post_init__(self) -> None:
            raise NameError("mine")

    with pytest.raises(NameError, match="mine"):
        parsed(completion('{"name": "Ada"}'), Faulty)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_read_as_all_kinds_of_classes(kind: type[Any]) -> None:
    ada = parsed(completion(json.dumps(ADA)), kind)
    home = Home("London")
    if kind is PersonDict:
        assert ada == {**ADA, "home": home, "mood": Mood.SAD}
    else:
        assert ada == kind(name="Ada", age=36, home=home, mood=Mood.SAD, tags=["a"])


@given(st.text(), st.integers(0, 2**53), st.lists(st.text(), max_size=3))
def test_any_object_is_read_back(name: str, age: int, tags: list[str]) -> None:
    person = PersonAttrs(name=name, age=age, home=Home("Rome"), tags=tags)
    text = msgspec.json.encode(person).decode()
    assert parsed(completion(text), PersonAttrs) == person
    assert parsed(completion(text), PersonModel).model_dump()["tags"] == tags


@pytest.mark.parametrize(
    ("answer", "fault", "message"),
    [
        (completion("{}", status="failed"), "unfinished", "the completion is failed"),
        (completion("{}", status="in_progress"), "unfinished", "the completion is in_progress"),
        (completion("{}", finish_reason="cancelled"), "unfinished", "the completion was cancelled"),
        (completion('{"city": "Ro', finish_reason="length"), "truncated", "raise max_tokens"),
        (completion("", finish_reason="content_filter"), "refused", "a filter stopped it"),
        (completion(None, refusal="I'd rather not."), "refused", "refused: I'd rather not."),
        (
            completion(None, tool_calls=[{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]),
            "tool_calls",
            "calls tools",
        ),
        (ChatCompletion.from_dict({**completion("{}").to_dict(), "choices": []}), "empty", "has no choices"),
        (completion(None), "empty", "no text"),
        (completion(""), "empty", "no text"),
        (completion("Sure! Here"), "invalid", "the answer is not a Home: JSON is malformed"),
        (completion('{"city": 5}'), "invalid", r"Expected `str`, got `int` - at `\$.city`"),
        (completion("{}"), "invalid", "missing required field `city`"),
        (completion("[" * 100_000), "invalid", "the answer is not a Home"),
    ],
)
def test_unreadable_answers_raise_structured_output_error(answer: ChatCompletion, fault: str, message: str) -> None:
    with pytest.raises(StructuredOutputError, match=message) as caught:
        parsed(answer, Home)
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value)
    assert (error.fault, error.completion, error.completion_id) == (fault, answer, "cmp_1")
    assert error.text == "".join(choice.message.content or "" for choice in answer.choices)


def test_invalid_pydantic_answer_says_where() -> None:
    with pytest.raises(StructuredOutputError) as caught:
        parsed(completion('{"name": "Ada", "age": -1, "home": {"city": 5}}'), PersonModel)
    message = str(caught.value)
    assert "Input should be greater than or equal to 0 - at `$.age`; " in message
    assert "Input should be a valid string - at `$.home.city`" in message
    assert isinstance(caught.value.__cause__, pydantic.ValidationError)


@pytest.mark.parametrize("kind", KINDS)
def test_structured_output_against_the_mock(aurous_mock: AurousMock, kind: type[Any]) -> None:
    with Aurous() as client:
        answer = client.chat.completions.create(
            model=MODEL, messages=QUESTION, response_format=response_format_for(kind), **named(max_tokens=500)
        )
    result = parsed(answer, kind)
    assert isinstance(result, dict if kind is PersonDict else kind)


def test_integer_of_an_answer_may_be_written_as_a_float() -> None:
    text = json.dumps({**ADA, "age": 36.0})
    assert all(vars_of(parsed(completion(text), kind))["age"] == 36 for kind in KINDS)


def vars_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"age": value.age}
