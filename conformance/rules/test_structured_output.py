"""Answers that must be JSON, or fit a schema, and the limits of such schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.rules import STRUCTURED, dear, rule
from harness.violations import observe, require

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


def as_schema(schema: dict[str, Any], *, strict: bool = True) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": strict, "schema": schema}}


def nested(levels: int) -> dict[str, Any]:
    """An object schema of so many levels, the root being the first."""
    schema: dict[str, Any] = {"type": "string"} if levels <= 1 else nested(levels - 1)
    return {"type": "object", "properties": {"inner": schema}} if levels > 1 else schema


def listed(levels: int) -> dict[str, Any]:
    """An object schema of so many levels of objects, however lists are counted: each but the first is in a list."""
    if levels <= 1:
        return {"type": "object", "properties": {"name": {"type": "string"}}}
    return {"type": "object", "properties": {"inner": {"type": "array", "items": listed(levels - 1)}}}


def weighing(size: int) -> dict[str, Any]:
    """A flat schema of about so many bytes."""
    names = [f"member_{number:04}" for number in range(size // 40)]
    return {"type": "object", "properties": {name: {"type": "string", "minLength": 1} for name in names}}


@rule("structured.json_object", page=STRUCTURED, says="`json_object` is answered with syntactically valid JSON.")
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_json_object(server: Server, stream: bool) -> None:
    body = server.ask("Invent a person, in JSON.", response_format={"type": "json_object"}, max_tokens=ROOM)
    if stream:
        told = server.streamed(body)
        value = parsed(told.content, told.exchange)
    else:
        made = server.completed(body)
        value = parsed(made.at("choices", 0, "message", "content"), made)
    require(isinstance(value, dict), f"the content is {str(value)[:80]}", *server.recorder.exchanges[-1:])


@rule(
    "structured.json_schema", page=STRUCTURED, says="`json_schema` with `strict: true` is answered with JSON that fits."
)
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_json_schema(server: Server, stream: bool) -> None:
    fits(server, PERSON, stream=stream)


@rule("structured.reference", page=STRUCTURED, says="A local `$ref` inside the schema is followed.")
def test_reference(server: Server) -> None:
    fits(server, REFERRING)


@rule("structured.any_of", page=STRUCTURED, says="`anyOf` on a property is honoured.")
def test_any_of(server: Server) -> None:
    choice = {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}
    fits(
        server,
        {"type": "object", "properties": {"value": choice}, "required": ["value"], "additionalProperties": False},
    )


@rule("structured.text", page=STRUCTURED, says="`text` is plain text, as without a format.")
def test_text(server: Server) -> None:
    made = server.completed(server.ask(response_format={"type": "text"}))
    require(made.at("choices", 0, "message", "content"), "the content is empty", made)


@rule("structured.best_effort", page=STRUCTURED, says="Without `strict`, fitting is best effort.", observed=True)
def test_best_effort(server: Server) -> None:
    made = server.completed(
        server.ask("Invent a person.", response_format=as_schema(PERSON, strict=False), max_tokens=ROOM)
    )
    try:
        misfits = contract.misfits_of(PERSON, json.loads(made.at("choices", 0, "message", "content")))
    except ValueError:
        misfits = ["it is not JSON"]
    observe(f"it does not fit: {misfits[0]}" if misfits else "it fits")


@rule("structured.depth_accepted", page=STRUCTURED, says="A schema of 3 levels is accepted.")
@pytest.mark.parametrize("schema", [nested(3), listed(2)], ids=["properties", "items"])
def test_depth_accepted(server: Server, schema: dict[str, Any]) -> None:
    server.create(server.ask(response_format=as_schema(schema))).expect(200)


@rule(
    "structured.too_deep",
    page="api-reference/errors/response_format_too_deep",
    says="A schema of more than 5 levels (12 here) is 400 `response_format_too_deep`.",
)
@pytest.mark.parametrize("schema", [nested(12), listed(12)], ids=["properties", "items"])
@pytest.mark.parametrize("strict", [True, False])
def test_too_deep(server: Server, strict: bool, schema: dict[str, Any]) -> None:
    refused_with(server, as_schema(schema, strict=strict), "response_format_too_deep")


@dear
@rule("structured.size_accepted", page=STRUCTURED, says="A schema of 5 KB is accepted.")
def test_size_accepted(server: Server) -> None:
    server.create(server.ask(response_format=as_schema(weighing(5000)))).expect(200)


@rule(
    "structured.too_large",
    page="api-reference/errors/response_format_too_large",
    says="A schema of more than 10 KB (20 here) is 400 `response_format_too_large`.",
)
@pytest.mark.parametrize("strict", [True, False])
def test_too_large(server: Server, strict: bool) -> None:
    refused_with(server, as_schema(weighing(20000), strict=strict), "response_format_too_large")


@rule("structured.depth_counted", page=STRUCTURED, says="How levels are counted (no page says).", observed=True)
def test_depth_counted(server: Server) -> None:
    told = {
        levels: server.create(server.ask(response_format=as_schema(nested(levels)))).status for levels in (4, 5, 6, 7)
    }
    accepted = [levels for levels, status in told.items() if status == 200]
    observe(f"up to {max(accepted, default=3)} levels are accepted")


def fits(server: Server, schema: dict[str, Any], *, stream: bool = False) -> None:
    body = server.ask("Invent one.", response_format=as_schema(schema), max_tokens=ROOM)
    if stream:
        told = server.streamed(body)
        exchange, content = told.exchange, told.content
    else:
        exchange = server.completed(body)
        content = exchange.at("choices", 0, "message", "content")
    misfits = contract.misfits_of(schema, parsed(content, exchange))
    require(not misfits, f"the content does not fit: {'; '.join(misfits[:3])}", exchange)


def parsed(content: Any, exchange: Exchange) -> Any:
    try:
        return json.loads(content)
    except (TypeError, ValueError):
        require(False, f"the content is not JSON: {str(content)[:100]!r}", exchange)


def refused_with(server: Server, wanted_format: dict[str, Any], wanted: str) -> None:
    refused = server.create(server.ask(response_format=wanted_format), refused=True).expect(400)
    code, kind = refused.at("error", "code"), refused.at("error", "type")
    require((code, kind) == (wanted, "invalid_request"), f"the answer is {kind} {code}", refused)
