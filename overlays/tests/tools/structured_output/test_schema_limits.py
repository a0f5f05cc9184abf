"""The API's limits on the depth and size of a schema, checked before a request is sent."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from aurous import APIStatusError, Aurous
from aurous.testing import AurousMock
from aurous.tools.structured_output import (
    SchemaLimitError,
    check_schema,
    response_format_for,
)
from clientkit.request_members import named
from clientkit.structured_output import MODEL, QUESTION, Home


def nested(levels: int) -> dict[str, Any]:
    """A schema of so many levels, the root being the first."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels - 1):
        schema = {"type": "object", "properties": {"inner": schema}}
    return schema


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


def test_size_limit_is_exact_and_includes_the_name() -> None:
    frame = len(b'{"type":"string","description":""}')
    check_schema({"type": "string", "description": "x" * (10_240 - frame)})
    with pytest.raises(SchemaLimitError):
        check_schema({"type": "string", "description": "x" * (10_241 - frame)})
    response_format_for(Home, name="x" * 9_000)
    with pytest.raises(SchemaLimitError, match="response_format_too_large"):
        response_format_for(Home, name="x" * 10_200)


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
                **named(max_tokens=500),
            )
        except APIStatusError as error:
            server_code = error.code
    assert code == server_code
