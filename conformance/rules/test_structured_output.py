"""Rules on structured output: JSON that parses, JSON that fits a schema, and the limits of schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.completion_result import fetch_result
from harness.client.exchange import Exchange
from harness.rules import STRUCTURED, expensive, rule
from harness.violations import inform, require

from .scenarios import Scenarios, each_mode

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["kind", "tall"]}},
        "home": {
            "type": "object",
            "properties": {"city": {"type": ["string", "null"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "age", "tags", "home"],
    "additionalProperties": False,
}
REFERRING = {
    "type": "object",
    "properties": {"first": {"$ref": "#/$defs/point"}},
    "required": ["first"],
    "$defs": {"point": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
}
ROOM = 128


def json_schema_format(schema: dict[str, Any], *, strict: bool = True) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": strict, "schema": schema}}


def nested_schema(levels: int) -> dict[str, Any]:
    """An object schema of so many levels, the root being the first."""
    schema: dict[str, Any] = {"type": "string"} if levels <= 1 else nested_schema(levels - 1)
    return {"type": "object", "properties": {"inner": schema}} if levels > 1 else schema


def nested_in_lists(levels: int) -> dict[str, Any]:
    """An object schema of so many levels of objects, however lists are counted: each but the first is in a list."""
    if levels <= 1:
        return {"type": "object", "properties": {"name": {"type": "string"}}}
    return {"type": "object", "properties": {"inner": {"type": "array", "items": nested_in_lists(levels - 1)}}}


def schema_of_size(size: int) -> dict[str, Any]:
    """A flat schema of about so many bytes."""
    names = [f"member_{number:04}" for number in range(size // 40)]
    return {"type": "object", "properties": {name: {"type": "string", "minLength": 1} for name in names}}


@rule("structured.json_object", page=STRUCTURED, sentence="`json_object` is answered with syntactically valid JSON.")
@each_mode
def test_json_object_format_gives_valid_json(scenarios: Scenarios, stream: bool) -> None:
    result = scenarios.result("structured", stream=stream)
    value = parse(result.content, result.exchange)
    require(isinstance(value, dict), f"the content is {str(value)[:80]}", result.exchange)


@rule(
    "structured.json_schema",
    page=STRUCTURED,
    sentence="`json_schema` with `strict: true` is answered with JSON that fits the schema.",
)
@each_mode
def test_json_schema_format_gives_matching_json(api: ApiClient, stream: bool) -> None:
    require_match(api, PERSON, stream=stream)


@rule("structured.reference", page=STRUCTURED, sentence="A local `$ref` inside the schema is followed.")
@each_mode
def test_local_reference_in_a_schema_is_followed(api: ApiClient, stream: bool) -> None:
    require_match(api, REFERRING, stream=stream)


@rule("structured.any_of", page=STRUCTURED, sentence="`anyOf` on a property is honoured.")
@each_mode
def test_any_of_in_a_schema_is_followed(api: ApiClient, stream: bool) -> None:
    choice = {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}
    require_match(
        api,
        {"type": "object", "properties": {"value": choice}, "required": ["value"], "additionalProperties": False},
        stream=stream,
    )


@rule("structured.text", page=STRUCTURED, sentence="`text` is plain text, as without a format.")
@each_mode
def test_text_format_gives_plain_text(api: ApiClient, stream: bool) -> None:
    result = fetch_result(api, api.chat_body(response_format={"type": "text"}), stream=stream)
    require(result.content, "the content is empty", result.exchange)


@rule(
    "structured.best_effort",
    page=STRUCTURED,
    sentence="Without `strict`, the answer fits the schema if possible.",
    informational=True,
)
def test_json_schema_without_strict(api: ApiClient) -> None:
    completion = api.complete(
        api.chat_body("Invent a person.", response_format=json_schema_format(PERSON, strict=False), max_tokens=ROOM)
    )
    try:
        schema_errors = contract.instance_errors(PERSON, json.loads(completion.at("choices", 0, "message", "content")))
    except ValueError:
        schema_errors = ["it is not JSON"]
    inform(f"it does not fit: {schema_errors[0]}" if schema_errors else "it fits")


@rule("structured.depth_accepted", page=STRUCTURED, sentence="A schema of 3 levels is accepted.")
@pytest.mark.parametrize("schema", [nested_schema(3), nested_in_lists(2)], ids=["properties", "items"])
@each_mode
def test_schema_of_three_levels_is_accepted(api: ApiClient, schema: dict[str, Any], stream: bool) -> None:
    fetch_result(api, api.chat_body(response_format=json_schema_format(schema)), stream=stream)


@rule(
    "structured.too_deep",
    page="api-reference/errors/response_format_too_deep",
    sentence="A schema of more than 5 levels (12 here) is 400 `response_format_too_deep`.",
)
@pytest.mark.parametrize("schema", [nested_schema(12), nested_in_lists(12)], ids=["properties", "items"])
@pytest.mark.parametrize("strict", [True, False])
@each_mode
def test_schema_of_twelve_levels_is_refused(api: ApiClient, strict: bool, schema: dict[str, Any], stream: bool) -> None:
    require_refused(api, json_schema_format(schema, strict=strict), "response_format_too_deep", stream=stream)


@expensive
@rule("structured.size_accepted", page=STRUCTURED, sentence="A schema of 5 KB is accepted.")
@each_mode
def test_schema_of_five_kilobytes_is_accepted(api: ApiClient, stream: bool) -> None:
    fetch_result(api, api.chat_body(response_format=json_schema_format(schema_of_size(5000))), stream=stream)


@rule(
    "structured.too_large",
    page="api-reference/errors/response_format_too_large",
    sentence="A schema of more than 10 KB (20 here) is 400 `response_format_too_large`.",
)
@pytest.mark.parametrize("strict", [True, False])
@each_mode
def test_schema_of_twenty_kilobytes_is_refused(api: ApiClient, strict: bool, stream: bool) -> None:
    wanted_format = json_schema_format(schema_of_size(20000), strict=strict)
    require_refused(api, wanted_format, "response_format_too_large", stream=stream)


@rule(
    "structured.depth_counted", page=STRUCTURED, sentence="How levels are counted (not documented).", informational=True
)
def test_deepest_accepted_schema(api: ApiClient) -> None:
    actual = {
        levels: api.create(api.chat_body(response_format=json_schema_format(nested_schema(levels)))).status
        for levels in (4, 5, 6, 7)
    }
    accepted = [levels for levels, status in actual.items() if status == 200]
    inform(f"up to {max(accepted, default=3)} levels are accepted")


def require_match(api: ApiClient, schema: dict[str, Any], *, stream: bool = False) -> None:
    body = api.chat_body("Invent one.", response_format=json_schema_format(schema), max_tokens=ROOM)
    result = fetch_result(api, body, stream=stream)
    schema_errors = contract.instance_errors(schema, parse(result.content, result.exchange))
    require(not schema_errors, f"the content does not fit: {'; '.join(schema_errors[:3])}", result.exchange)


def parse(content: Any, exchange: Exchange) -> Any:
    try:
        return json.loads(content)
    except (TypeError, ValueError):
        require(False, f"the content is not JSON: {str(content)[:100]!r}", exchange)


def require_refused(api: ApiClient, wanted_format: dict[str, Any], wanted: str, *, stream: bool) -> None:
    body = api.chat_body(response_format=wanted_format, stream=stream)
    response = api.create(body, expect_error=True).expect(400)
    code, kind = response.at("error", "code"), response.at("error", "type")
    require((code, kind) == (wanted, "invalid_request"), f"the error is {kind} {code}", response)
