"""A small spec in which every rule has something to say, and changes to it. Written as JSON, which is YAML."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")

DROP = object()
"""As a value of a change: take the member away."""


def document(**changes: Any) -> dict[str, Any]:
    """The small spec, with changes: a path of names joined by `__` or, as a mapping under `at`, by blanks."""
    document_copy: dict[str, Any] = json.loads(json.dumps(_SPEC))
    for path, value in changes.pop("at", {}).items():
        _put(document_copy, path.split(" "), value)
    return document_copy


def write(file: Path, document: dict[str, Any]) -> Path:
    text = json.dumps(document, indent=1, ensure_ascii=False)
    # YAML wants these escaped, and takes no surrogates for the rest.
    file.write_text(_UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text), encoding="utf-8")
    return file


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def response(schema: object, media_type: str = "application/json") -> dict[str, Any]:
    return {"description": "Fine.", "content": {media_type: {"schema": schema}}}


def events(name: str) -> dict[str, Any]:
    """The content of a stream whose events are a component."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": ref(name)}
    event = {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"oneOf": [{"const": "[DONE]"}, data]}},
    }
    return {"text/event-stream": {"schema": event}}


ERRORS = {"4XX": {"$ref": "#/components/responses/Fault"}}


def operation(name: str, **more: Any) -> dict[str, Any]:
    responses = more.pop("responses", {"200": response(ref("Thing"))})
    return {
        "operationId": name,
        "tags": ["things"],
        "summary": "Does something",
        "security": [{"ApiKey": []}],
        "responses": {**responses, **ERRORS},
        **more,
    }


def _put(node: Any, path: list[str], value: Any) -> None:
    *steps, last = [int(step) if step.isdigit() and isinstance(node, list) else step for step in path]
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    if value is DROP:
        del node[last]
    elif isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value


_SPEC: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Small", "version": "1"},
    "servers": [{"url": "https://example.com"}],
    "paths": {
        "/v1/things": {
            "post": operation(
                "createThing",
                parameters=[
                    {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "description": "A key."}},
                    {"name": "Pinned", "in": "header", "x-set-by-client": True, "schema": {"type": "string"}},
                ],
                requestBody={
                    "required": True,
                    "content": {"application/json": {"schema": ref("ThingRequest")}},
                },
                responses={
                    "200": {
                        "description": "Fine.",
                        "content": {
                            "application/json": {"schema": ref("Thing")},
                            **events("Piece"),
                        },
                    }
                },
                **{"x-errors": ["too_much"]},
            ),
            "get": operation(
                "listThings",
                parameters=[{"name": "limit", "in": "query", "schema": {"type": "integer"}}],
                responses={"200": response(ref("ThingList"))},
            ),
        },
        "/v1/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": operation("retrieveThing"),
            "delete": operation("deleteThing", responses={"204": {"description": "Gone."}}),
        },
        "/v1/records": {
            "get": operation(
                "listRecords",
                parameters=[
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                    {"name": "after", "in": "query", "schema": {"type": "string"}},
                ],
                responses={"200": response(ref("RecordList"))},
                **{"x-paging": {"items": "data", "cursor": "next", "parameter": "after"}},
            )
        },
    },
    "components": {
        "securitySchemes": {"ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
        "responses": {"Fault": response(ref("Fault"))},
        "schemas": {
            "Fault": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}},
            "ThingRequest": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 9},
                    "stream": {"type": "boolean"},
                    "mood": ref("Mood"),
                    "shape": ref("Shape"),
                    "note": {"type": ["string", "null"]},
                },
            },
            "Thing": {
                "type": "object",
                "required": ["id", "object"],
                "properties": {
                    "id": {"type": "string"},
                    "object": {"type": "string", "const": "thing", "default": "thing"},
                    "mood": {"anyOf": [ref("Mood"), {"type": "string"}]},
                    "shape": ref("Shape"),
                    "parent": {"oneOf": [ref("Thing"), {"type": "null"}]},
                    "parts": {"type": "array", "items": ref("Thing")},
                    "amount": {"type": "number"},
                    "count": {"type": "integer"},
                },
            },
            "ThingList": {
                "type": "object",
                "required": ["data"],
                "properties": {"data": {"type": "array", "items": ref("Thing")}},
            },
            "RecordList": {
                "type": "object",
                "required": ["data"],
                "properties": {
                    "data": {"type": "array", "items": ref("Thing")},
                    "next": {"type": ["string", "null"]},
                },
            },
            "Piece": {"type": "object", "properties": {"text": {"type": "string"}}},
            "Nick": {"type": "string", "minLength": 1},
            "Mood": {"type": "string", "enum": ["glad", "sad"]},
            "Shape": {"oneOf": [ref("Circle"), ref("Square")]},
            "Circle": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"type": "string", "const": "circle", "default": "circle"}},
            },
            "Square": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"type": "string", "const": "square", "default": "square"}},
            },
            "Counts": {"type": "object", "additionalProperties": ref("Circle")},
        },
        "x-error-codes": {
            "too_much": {
                "status": 400,
                "type": "fault",
                "retryable": False,
                "when": "It is too much.",
                "page": "errors",
            }
        },
    },
}
