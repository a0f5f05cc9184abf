"""From a class to a `response_format` and back, in the keywords and within the limits that the pages name."""

from __future__ import annotations

import datetime
import json
import pickle
import re
import subprocess
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from aurous import APIStatusError, Aurous, AurousError
from aurous.testing import AurousMock
from aurous.tools.json_schema import MissingLibraryError, UnsupportedTypeError, schema_for
from aurous.tools.structured_output import (
    SchemaLimitError,
    StructuredOutputError,
    check_schema,
    parsed,
    response_format_for,
)
from aurous_client.models import ChatCompletion
from hypothesis import given
from hypothesis import strategies as st


class Mood(Enum):
    GLAD = "glad"
    SAD = "sad"


@dataclass
class Home:
    """Where somebody lives."""

    city: str
    zip: str | None = None


@dataclass
class PersonDataclass:
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = field(default_factory=list)
    kind: Literal["person"] = "person"


@attrs.define
class PersonAttrs:
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = attrs.field(factory=list)
    kind: Literal["person"] = "person"


class PersonStruct(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = []
    kind: Literal["person"] = "person"


class PersonModel(pydantic.BaseModel):
    name: str = pydantic.Field(description="The full name.")
    age: int = pydantic.Field(ge=0)
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = []
    kind: Literal["person"] = "person"


class PersonDict(TypedDict):
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: NotRequired[Mood]
    tags: NotRequired[list[str]]
    kind: NotRequired[Literal["person"]]


@dataclass
class Tree:
    value: int
    children: list[Tree]


KINDS = [PersonDataclass, PersonAttrs, PersonStruct, PersonModel, PersonDict]
ADA = {"name": "Ada", "age": 36, "home": {"city": "London", "zip": None}, "mood": "sad", "tags": ["a"]}
LISTED = {
    *("type", "properties", "required", "additionalProperties", "enum", "items", "anyOf", "oneOf", "$ref", "$defs"),
    *("description", "pattern", "format", "minimum", "maximum", "minLength", "maxLength"),
}


def completion(content: str | None, *, finish_reason: str = "stop", status: str = "completed", **message: Any) -> Any:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish_reason,
    }
    breakdown = {"input_credits": 0.1, "output_credits": 0.2, "model": "m", "pricing_version": 1}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "credits_charged": 0.3}
    return ChatCompletion.from_dict(
        {
            "id": "cmp_1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": {**usage, "breakdown": breakdown},
            "status": status,
        }
    )


def nested(levels: int) -> dict[str, Any]:
    """A schema of so many levels, the root being the first."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels - 1):
        schema = {"type": "object", "properties": {"inner": schema}}
    return schema


def keywords(schema: dict[str, Any]) -> set[str]:
    found = {*schema}
    for keyword, value in schema.items():
        parts = value.values() if keyword in ("properties", "$defs") else value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, dict):
                found |= keywords(part)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_classes_give_one_schema(kind: type[Any]) -> None:
    sent = response_format_for(kind).to_dict()
    schema = sent["json_schema"]["schema"]
    assert (sent["type"], sent["json_schema"]["strict"]) == ("json_schema", True)
    assert sent["json_schema"]["name"] == kind.__name__
    assert schema["type"] == "object"
    assert sorted(schema["required"]) == ["age", "home", "name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["name"] == {"type": "string", "description": "The full name."}
    assert schema["properties"]["age"] == {"type": "integer", "minimum": 0}
    assert schema["properties"]["home"] == {"$ref": "#/$defs/Home"}
    assert schema["properties"]["tags"] == {"type": "array", "items": {"type": "string"}}
    assert schema["properties"]["kind"]["enum"] == ["person"]
    assert schema["$defs"].keys() == {"Home", "Mood"}
    assert schema["$defs"]["Home"] == {
        "type": "object",
        "description": "Where somebody lives.",
        "properties": {"city": {"type": "string"}, "zip": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    assert {*schema["$defs"]["Mood"]["enum"]} == {"glad", "sad"}
    assert keywords(schema) <= LISTED


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


def test_plain_types_have_schemas() -> None:
    assert schema_for(list[Home])["items"] == {"$ref": "#/$defs/Home"}
    assert parsed(completion('[{"city": "Rome"}]'), list[Home]) == [Home("Rome")]
    assert schema_for(list[PersonModel])["items"] == {"$ref": "#/$defs/PersonModel"}
    assert parsed(completion(json.dumps([ADA])), list[PersonModel])[0].name == "Ada"
    assert schema_for(dict[str, int]) == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_a_recursive_type_keeps_its_definition() -> None:
    schema = schema_for(Tree)
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"] == {name: value for name, value in schema.items() if name != "$defs"}
    tree = parsed(completion('{"value": 1, "children": [{"value": 2, "children": []}]}'), Tree)
    assert tree == Tree(1, [Tree(2, [])])


def test_response_format_name_and_strictness() -> None:
    sent = response_format_for(Home, name="home", strict=False).to_dict()["json_schema"]
    assert (sent["name"], sent["strict"]) == ("home", False)
    assert response_format_for(list[Home]).to_dict()["json_schema"]["name"] == "list"
    model = pydantic.create_model("Page[int] of " + "x" * 80, value=(int, ...))
    assert response_format_for(model).to_dict()["json_schema"]["name"] == ("Page_int_of_" + "x" * 80)[:64]


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
    assert error.text == (answer.choices[0].message.content or "")


def test_an_invalid_pydantic_answer_says_where() -> None:
    with pytest.raises(StructuredOutputError) as caught:
        parsed(completion('{"name": "Ada", "age": -1, "home": {"city": 5}}'), PersonModel)
    told = str(caught.value)
    assert "Input should be greater than or equal to 0 - at `$.age`; " in told
    assert "Input should be a valid string - at `$.home.city`" in told
    assert isinstance(caught.value.__cause__, pydantic.ValidationError)


@pytest.mark.parametrize(
    "schema",
    [
        nested(5),
        {"anyOf": [nested(5), {"type": "null"}]},
        {"$defs": {"a": nested(5)}, **nested(4), "required": []},
        {"type": "object", "properties": {"$ref": {"type": "string"}, "items": {"type": "array", "items": nested(3)}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#"}}},
        {"type": "array", "items": False, "prefixItems": [nested(4)]},
        {"type": "string", "description": "é" * 5_000},
        {},
    ],
)
def test_schemas_within_the_limits_are_accepted(schema: dict[str, Any]) -> None:
    check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        (nested(6), "response_format_too_deep"),
        (nested(5_000), "response_format_too_deep"),
        ({"$defs": {"a": nested(6)}}, "response_format_too_deep"),
        ({"type": "array", "items": {"anyOf": [nested(5)]}}, "response_format_too_deep"),
        ({"type": "array", "prefixItems": [nested(5)]}, "response_format_too_deep"),
        ({"type": "string", "description": "x" * 10_240}, "response_format_too_large"),
        ({"type": "string", "description": "é" * 5_200}, "response_format_too_large"),
        ({"properties": {"a": {"$ref": "https://example.com/a.json"}}}, "invalid_format"),
        ({"$ref": "other.json#/$defs/a"}, "invalid_format"),
    ],
)
def test_schemas_beyond_the_limits_are_refused(schema: dict[str, Any], code: str) -> None:
    with pytest.raises(SchemaLimitError, match=code) as caught:
        check_schema(schema)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.code, error.param, str(error)) == (code, "response_format", str(caught.value))


def test_the_size_limit_is_exact_and_includes_the_name() -> None:
    frame = len(b'{"type":"string","description":""}')
    check_schema({"type": "string", "description": "x" * (10_240 - frame)})
    with pytest.raises(SchemaLimitError):
        check_schema({"type": "string", "description": "x" * (10_241 - frame)})
    response_format_for(Home, name="x" * 9_000)
    with pytest.raises(SchemaLimitError, match="response_format_too_large"):
        response_format_for(Home, name="x" * 10_200)


@pytest.mark.parametrize(
    ("name", "kind", "command"),
    [("msgspec", Home, 'pip install "aurous-labs[tools]"'), ("pydantic", PersonModel, 'pip install "pydantic"')],
)
def test_a_missing_library_says_what_to_install(
    name: str, kind: type[Any], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingLibraryError) as caught:
        response_format_for(kind)
    assert str(caught.value) == f"{name} is not installed: {command}"
    assert isinstance(caught.value, ImportError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_importing_tools_imports_no_optional_library() -> None:
    imports = "sys, aurous, aurous.tools.structured_output, aurous.tools.loop"
    program = f"import {imports}; print({{'msgspec', 'pydantic'}} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


MODEL = "aurous-grow-2.0-pro"
QUESTION = [{"role": "user", "content": "Invent somebody."}]


@pytest.mark.parametrize("kind", KINDS)
def test_structured_output_against_the_mock(aurous_mock: AurousMock, kind: type[Any]) -> None:
    with Aurous() as client:
        answer = client.chat.completions.create(
            model=MODEL, messages=QUESTION, response_format=response_format_for(kind), max_tokens=500
        )
    made = parsed(answer, kind)
    assert isinstance(made, dict if kind is PersonDict else kind)


@dataclass
class Formats:
    moment: datetime.datetime
    day: datetime.date
    hour: datetime.time
    length: datetime.timedelta
    price: Decimal
    raw: bytes
    key: UUID
    perhaps: datetime.datetime | None
    hours: list[datetime.time]
    by_name: dict[str, bytes]
    pair: tuple[int, datetime.datetime]
    described: Annotated[datetime.datetime, msgspec.Meta(description="When.")]
    inner: FormatsInside | None
    several: bytes | int | None = None


@dataclass
class FormatsInside:
    moment: datetime.datetime
    again: FormatsInside | None = None


def test_dataclasses_describe_the_formats_of_their_fields() -> None:
    schema = schema_for(Formats)
    fields = schema["properties"]
    assert {name: fields[name].get("format") for name in ("moment", "day", "hour", "length", "key", "described")} == {
        "moment": "date-time",
        "day": "date",
        "hour": "time",
        "length": "duration",
        "key": "uuid",
        "described": "date-time",
    }
    assert fields["described"]["description"] == "When."
    base64 = fields["raw"]["pattern"]
    assert re.fullmatch(base64, "aGVsbG8=")
    assert not re.fullmatch(base64, "hello!")
    assert "format" not in fields["price"]
    assert re.fullmatch(fields["price"]["pattern"], "-12.50")
    assert not re.fullmatch(fields["price"]["pattern"], "twelve")
    assert fields["perhaps"] == {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
    assert fields["hours"]["items"]["format"] == "time"
    assert fields["by_name"]["additionalProperties"]["pattern"] == base64
    assert [item.get("format") for item in fields["pair"]["prefixItems"]] == [None, "date-time"]
    assert fields["several"]["anyOf"][0]["pattern"] == base64
    assert schema["$defs"]["FormatsInside"]["properties"]["moment"]["format"] == "date-time"


def test_answers_with_formats_can_be_read(aurous_mock: AurousMock) -> None:
    with Aurous() as client:
        for number in range(10):
            answer = client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": f"Invent number {number}."}],
                response_format=response_format_for(Formats),
                max_tokens=2000,
            )
            assert isinstance(parsed(answer, Formats).moment, datetime.datetime)


class Tagged(msgspec.Struct, tag=True):
    when: datetime.datetime


class OtherTagged(msgspec.Struct, tag=True):
    hour: datetime.time


def test_formats_within_a_union_of_structs() -> None:
    definitions = schema_for(Tagged | OtherTagged)["$defs"]
    assert definitions["Tagged"]["properties"]["when"]["format"] == "date-time"
    assert definitions["OtherTagged"]["properties"]["hour"]["format"] == "time"


@dataclass
class Either:
    either: Home | FormatsInside


@pytest.mark.parametrize("kind", [Home | FormatsInside, Either, list[Home | FormatsInside], object(), bytes | str])
def test_types_that_json_cannot_tell_apart_are_refused(kind: Any) -> None:
    with pytest.raises(UnsupportedTypeError, match="has no JSON Schema") as caught:
        response_format_for(kind)
    assert isinstance(caught.value, TypeError | AurousError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_union_of_dataclasses_is_refused_with_advice(aurous_mock: AurousMock) -> None:
    with Aurous() as client, pytest.raises(UnsupportedTypeError, match=r"msgspec\.Struct classes with tag=True"):
        client.chat.completions.create(model=MODEL, messages=QUESTION, response_format=Either)
    assert aurous_mock.ledger() == []


class UnfitModel(pydantic.BaseModel, arbitrary_types_allowed=True):
    unfit: Exception


def test_a_pydantic_model_without_a_schema_is_refused() -> None:
    with pytest.raises(UnsupportedTypeError, match="UnfitModel has no JSON Schema"):
        response_format_for(UnfitModel)


def test_an_integer_of_an_answer_may_be_written_as_a_float() -> None:
    text = json.dumps({**ADA, "age": 36.0})
    assert all(vars_of(parsed(completion(text), kind))["age"] == 36 for kind in KINDS)


def vars_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"age": value.age}


@pytest.mark.parametrize(
    "schema",
    [nested(5), nested(6), {"type": "object", "properties": {"a": {"type": "string", "description": "x" * 10_240}}}],
    ids=["accepted", "too deep", "too large"],
)
def test_schema_limits_are_those_of_the_api(aurous_mock: AurousMock, schema: dict[str, Any]) -> None:
    code = None
    try:
        check_schema(schema)
    except SchemaLimitError as error:
        code = error.code
    server_code = None
    with Aurous() as client:
        json_schema = {"name": "x", "schema": schema}
        try:
            client.chat.completions.create(
                model=MODEL,
                messages=QUESTION,
                response_format={"type": "json_schema", "json_schema": json_schema},
                max_tokens=500,
            )
        except APIStatusError as error:
            server_code = error.code
    assert code == server_code
