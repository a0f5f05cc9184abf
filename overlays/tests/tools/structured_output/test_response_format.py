"""The `response_format` of a class: one schema for every kind of class, in the documented keywords."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pydantic
import pytest
from aurous import Aurous, AurousError
from aurous.testing import AurousMock
from aurous.tools.json_schema import MissingLibraryError, UnsupportedTypeError, schema_for
from aurous.tools.structured_output import (
    parsed,
    response_format_for,
)
from clientkit.request_members import named
from clientkit.structured_output import ADA, KINDS, MODEL, QUESTION, FormatsInside, Home, PersonModel, completion


@dataclass
class Tree:
    value: int
    children: list[Tree]


LISTED = {
    *("type", "properties", "required", "additionalProperties", "enum", "items", "anyOf", "oneOf", "$ref", "$defs"),
    *("description", "pattern", "format", "minimum", "maximum", "minLength", "maxLength"),
}


def keywords(schema: dict[str, Any]) -> set[str]:
    names = {*schema}
    for keyword, value in schema.items():
        parts = value.values() if keyword in ("properties", "$defs") else value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, dict):
                names |= keywords(part)
    return names


def strictness(value: bool) -> dict[str, Any]:
    return dict(named(response_format={"json_schema": {"strict": value}})["response_format"]["json_schema"])


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_classes_give_one_schema(kind: type[Any]) -> None:
    sent = response_format_for(kind).to_dict()
    schema = sent["json_schema"]["schema"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"].items() >= strictness(True).items()
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


def test_plain_types_have_schemas() -> None:
    assert schema_for(list[Home])["items"] == {"$ref": "#/$defs/Home"}
    assert parsed(completion('[{"city": "Rome"}]'), list[Home]) == [Home("Rome")]
    assert schema_for(list[PersonModel])["items"] == {"$ref": "#/$defs/PersonModel"}
    assert parsed(completion(json.dumps([ADA])), list[PersonModel])[0].name == "Ada"
    assert schema_for(dict[str, int]) == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_recursive_type_keeps_its_definition() -> None:
    schema = schema_for(Tree)
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"] == {name: value for name, value in schema.items() if name != "$defs"}
    tree = parsed(completion('{"value": 1, "children": [{"value": 2, "children": []}]}'), Tree)
    assert tree == Tree(1, [Tree(2, [])])


def test_response_format_name_and_strictness() -> None:
    sent = response_format_for(Home, name="home", strict=False).to_dict()["json_schema"]
    assert sent.items() >= {"name": "home", **strictness(False)}.items()
    assert response_format_for(list[Home]).to_dict()["json_schema"]["name"] == "list"
    model = pydantic.create_model("Page[int] of " + "x" * 80, value=(int, ...))
    assert response_format_for(model).to_dict()["json_schema"]["name"] == ("Page_int_of_" + "x" * 80)[:64]


@pytest.mark.parametrize(
    ("name", "kind", "command"),
    [("msgspec", Home, 'pip install "aurous-labs[tools]"'), ("pydantic", PersonModel, 'pip install "pydantic"')],
)
def test_missing_library_says_what_to_install(
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


@dataclass
class Either:
    either: Home | FormatsInside


@pytest.mark.parametrize("kind", [Home | FormatsInside, Either, list[Home | FormatsInside], object(), bytes | str])
def test_types_that_json_cannot_tell_apart_are_refused(kind: Any) -> None:
    with pytest.raises(UnsupportedTypeError, match="has no JSON Schema") as caught:
        response_format_for(kind)
    assert isinstance(caught.value, TypeError | AurousError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_union_of_dataclasses_is_refused_with_advice(aurous_mock: AurousMock) -> None:
    with Aurous() as client, pytest.raises(UnsupportedTypeError, match=r"msgspec\.Struct classes with tag=True"):
        client.chat.completions.create(model=MODEL, messages=QUESTION, response_format=Either)
    assert aurous_mock.ledger() == []


class UnfitModel(pydantic.BaseModel, arbitrary_types_allowed=True):
    unfit: Exception


def test_pydantic_model_without_a_schema_is_refused() -> None:
    with pytest.raises(UnsupportedTypeError, match="UnfitModel has no JSON Schema"):
        response_format_for(UnfitModel)
