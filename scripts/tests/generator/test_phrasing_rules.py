"""The smallest breach of each rule of the spec is refused, with rule and place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import regenerate
import small_specs
from generator import keywords
from phrasing import ANY_JSON, CONTENT, CREATE, GET, HELD, KEY, LIST, OBJECT, PAGING, RECORDS, SCHEMAS, THING, faults
from small_specs import DROP, ref

ANY_CONTENT = {"application/json": ANY_JSON}
STREAM = f"{CONTENT} text/event-stream"
CUSTOM = f"{CREATE} x-sdk-stream"
ARRAY = {"type": "array", "items": ref("Thing")}
JSON_DATA = {"type": "string", "contentMediaType": "application/json", "contentSchema": ref("Piece")}
OTHER_STREAM = f"{LIST} responses 200 content"

BREACHES: list[tuple[str, str, dict[str, Any]]] = [
    # R1
    ("R1", f"{THING} parent", {f"{THING} parent": {**ref("Thing"), "minProperties": 1}}),
    ("R1", f"{THING} parent $ref", {f"{THING} parent": {"$ref": "#/components/schemas/Thing/properties/id"}}),
    ("R1", f"{SCHEMAS} snake_case_", {f"{SCHEMAS} snake_case_": OBJECT}),
    ("R1", f"{SCHEMAS} snake_case", {f"{SCHEMAS} snake_case": OBJECT, f"{SCHEMAS} SnakeCase": OBJECT}),
    ("R1", f"{SCHEMAS} mapping", {f"{SCHEMAS} mapping": OBJECT}),
    ("R1", f"{SCHEMAS} Mapping", {f"{SCHEMAS} Mapping": OBJECT}),
    ("R1", f"{SCHEMAS} Aliases", {f"{SCHEMAS} Aliases": OBJECT}),
    ("R1", f"{LIST}", {f"{LIST} operationId": DROP}),
    ("R1", f"{LIST} operationId", {f"{LIST} operationId": "2ndThings"}),
    ("R1", f"{LIST} operationId", {f"{LIST} operationId": ""}),
    ("R1", f"{LIST} operationId", {f"{LIST} operationId": "__init__"}),
    ("R1", f"{LIST} operationId", {f"{LIST} operationId": "list things"}),
    ("R1", f"{CREATE} operationId", {f"{LIST} operationId": "create_thing", f"{CREATE} operationId": "createThing"}),
    ("R1", f"{SCHEMAS} Alias", {f"{SCHEMAS} Alias": ref("Thing")}),
    # R2
    ("R2", STREAM, {CUSTOM: "custom", f"{CONTENT} application/json": DROP}),
    ("R2", f"{LIST} x-sdk-stream", {f"{LIST} x-sdk-stream": "custom"}),
    ("R2", f"{CONTENT} application/x-ndjson", {f"{CONTENT} application/x-ndjson": ANY_JSON}),
    ("R2", f"{CONTENT} application/vnd.x+json", {f"{CONTENT} application/vnd.x+json": {"schema": ref("Piece")}}),
    ("R2", f"{CONTENT} text/plain schema", {f"{CONTENT} text/plain": ANY_JSON}),
    ("R2", STREAM, {f"{STREAM} schema": DROP}),
    ("R2", STREAM, {CUSTOM: "custom", f"{STREAM} schema": {"type": "object"}}),
    ("R2", STREAM, {CUSTOM: "custom", f"{SCHEMAS} Piece": {"type": "integer"}}),
    (
        "R2",
        STREAM,
        {
            CUSTOM: "custom",
            f"{LIST} x-sdk-stream": "custom",
            OTHER_STREAM: {**ANY_CONTENT, **small_specs.events("Thing")},
        },
    ),
    # Fields of an event, or its data?
    (
        "R2",
        f"{STREAM} schema",
        {f"{STREAM} schema": {"properties": {"event": {"type": "string"}, "data": ref("Piece")}}},
    ),
    # Text, or JSON?
    ("R2", STREAM, {f"{STREAM} schema properties data": {"anyOf": [{"type": "string"}, JSON_DATA]}}),
    ("R2", STREAM, {f"{STREAM} schema properties data": {"anyOf": [{"const": "A"}, {"const": "B"}, JSON_DATA]}}),
    ("R4", f"{STREAM} schema", {f"{STREAM} schema": {"anyOf": [ref("Circle"), ref("Thing")]}}),
    # R3
    ("R3", f"{THING} parent nullable", {f"{THING} parent": {**ref("Thing"), "nullable": True}}),
    # R4
    ("R4", f"{SCHEMAS} Circle", {f"{SCHEMAS} Circle required": DROP}),
    ("R4", f"{SCHEMAS} Shape", {f"{SCHEMAS} Circle properties kind": {"const": "square", "default": "square"}}),
    ("R4", f"{SCHEMAS} Piece", {f"{THING} either": {"oneOf": [ref("Shape"), ref("Piece")]}}),
    ("R4", f"{THING} either", {f"{THING} either": {"oneOf": [{"type": "string", "const": "x"}, {"type": "integer"}]}}),
    ("R4", f"{SCHEMAS} Piece", {f"{SCHEMAS} Piece anyOf": [{"required": ["text"]}, {"required": []}]}),
    (
        "R4",
        f"{SCHEMAS} Shape discriminator mapping round",
        {
            f"{SCHEMAS} Shape discriminator": {
                "propertyName": "kind",
                "mapping": {"round": "#/components/schemas/Circle"},
            }
        },
    ),
    # R7
    ("R7", f"{THING} count type", {f"{THING} count": {"type": "number", "multipleOf": 1}}),
    ("R7", f"{THING} count type", {f"{THING} count": {"type": "number", "format": "int64"}}),
    # R9
    ("R9", LIST, {f"{LIST} security": DROP}),
    ("R9", f"{LIST} security 0 ApiKay", {f"{LIST} security": [{"ApiKay": []}]}),
    ("R9", f"{LIST} security", {"components securitySchemes ApiKey in": "cookie"}),
    # R10
    ("R10", f"{LIST} responses", {f"{LIST} responses 200": DROP}),
    ("R10", f"{CREATE} x-errors 0", {f"{CREATE} x-errors": ["no_such_code"]}),
    ("R10", "components x-error-codes too_much", {"components x-error-codes too_much when": DROP}),
    (
        "R10",
        "components x-error-codes too_much",
        {"components schemas ErrorCode": {"type": "string", "enum": ["too_little"]}},
    ),
    (
        "R10",
        f"{LIST} responses 4XX",
        {"components responses Fault content application/json schema": {"type": "integer"}},
    ),
    ("R10", f"{LIST} responses 4XX", {"components responses Fault content application/json schema": True}),
    # R11
    ("R11", f"{SCHEMAS} Piece required", {f"{SCHEMAS} Piece required": ["absent"]}),
    # R12
    ("R12", f"{SCHEMAS} Piece", {f"{SCHEMAS} Piece": True}),
    ("R12", f"{THING} anything", {f"{THING} anything": False}),
    # R13
    ("R13", f"{SCHEMAS} Piece patternProperties", {f"{SCHEMAS} Piece patternProperties": {"^x": {}}}),
    ("R13", f"{SCHEMAS} Piece if", {f"{SCHEMAS} Piece if": {}}),
    ("R13", f"{SCHEMAS} Piece", {f"{SCHEMAS} Piece allOf": [ref("Piece")]}),
    (
        "R13",
        f"{SCHEMAS} Piece properties text type",
        {f"{SCHEMAS} Both": {"allOf": [{"properties": {"text": {"type": "integer"}}}, ref("Piece")]}},
    ),
    ("R13", f"{THING} id not", {f"{THING} id not": {"type": "null"}}),
    ("R13", f"{THING} amount format", {f"{THING} amount": {"type": "string", "format": "binary"}}),
    ("R13", f"{SCHEMAS} Nick enum", {f"{SCHEMAS} Nick": {"enum": [True, False]}}),
    ("R13", f"{SCHEMAS} Nick enum", {f"{SCHEMAS} Nick": {"enum": [1.5]}}),
    ("R13", f"{SCHEMAS} Nick enum", {f"{SCHEMAS} Nick": {"enum": ["a", 1]}}),
    ("R13", f"{LIST} callbacks", {f"{LIST} callbacks": {"x": {}}}),
    ("R13", f"{LIST} servers", {f"{LIST} servers": [{"url": "https://elsewhere.example"}]}),
    ("R13", LIST, {f"{LIST} parameters 0 in": "cookie"}),
    ("R13", LIST, {f"{LIST} parameters 0 style": "pipeDelimited"}),
    ("R13", LIST, {f"{LIST} parameters 0 schema": ref("Piece")}),
    ("R13", LIST, {f"{LIST} parameters 0": {"name": "x", "in": "query", "content": {"application/json": ANY_JSON}}}),
    (
        "R13",
        "paths /v1/things/{id} get",
        {"paths /v1/things/{id} parameters 0 schema": {"type": ["string", "null"]}},
    ),
    ("R13", f"{CREATE} requestBody content", {f"{CREATE} requestBody content multipart/form-data": ANY_JSON}),
    (
        "R13",
        f"{CREATE} requestBody content application/x-ndjson",
        {f"{CREATE} requestBody content": {"application/x-ndjson": ANY_JSON}},
    ),
    (
        "R13",
        f"{CREATE} requestBody content multipart/form-data encoding",
        {
            f"{CREATE} requestBody content": {
                "multipart/form-data": {
                    "schema": ref("ThingRequest"),
                    "encoding": {"name": {"contentType": "image/png"}},
                }
            }
        },
    ),
    ("R13", f"{CREATE} requestBody", {f"{CREATE} requestBody required": DROP}),
    (
        "R13",
        f"{CREATE} requestBody",
        {f"{CREATE} requestBody content": {"application/x-www-form-urlencoded": {"schema": ref("ThingRequest")}}},
    ),
    # R14
    ("R14", f"{LIST} x-charge amount", {f"{LIST} x-charge": {"amount": "cost"}}),
    ("R14", f"{LIST} x-charge amount", {f"{LIST} x-charge": {"amount": "data"}}),
    # An event of its stream has no amount.
    ("R14", f"{CREATE} x-charge amount", {f"{CREATE} x-charge": {"amount": "amount"}}),
    ("R14", f"{LIST} x-charge record_of", {f"{LIST} x-charge": {"amount": "data", "record_of": "listThings"}}),
    ("R14", f"{LIST} x-charge", {f"{LIST} x-charge": {"amount": "total", "record_of": "createThing"}}),
    ("R14", f"{GET} x-charge held_while age", {f"{GET} x-charge": {"amount": "amount", "held_while": {"age": ["a"]}}}),
    ("R14", f"{GET} x-charge held_while", {f"{GET} x-charge": HELD}),
    (
        "R14",
        "paths /v1/things/{id} put x-charge",
        {
            f"{GET} x-charge": HELD,
            "paths /v1/things/{id} put": small_specs.operation(
                "putThing", **{"x-charge": {"amount": "amount", "record_of": "retrieveThing"}}
            ),
        },
    ),
    (
        "R14",
        "paths /v1/things/{id} delete x-charge amount",
        {"paths /v1/things/{id} delete x-charge": {"amount": "amount"}},
    ),
    # R15
    ("R15", f"{LIST} x-rate-class", {f"{LIST} x-rate-class": "slow"}),
    ("R15", "components x-rate-classes slow", {"components x-rate-classes": {"slow": {"burst": 0, "per_minute": 1}}}),
    ("R15", "components x-rate-classes slow", {"components x-rate-classes": {"slow": {"burst": 1}}}),
    # R16
    ("R16", f"{THING} count x-renamed-from", {f"{THING} count x-renamed-from": "id"}),
    ("R16", f"{SCHEMAS} Mood x-renamed-values angry", {f"{SCHEMAS} Mood x-renamed-values": {"angry": "cross"}}),
    ("R16", f"{SCHEMAS} Mood x-renamed-values glad", {f"{SCHEMAS} Mood x-renamed-values": {"glad": "sad"}}),
    # R17
    ("R17", f"{RECORDS} x-paging items", {f"{RECORDS} x-paging items": "next"}),
    ("R17", f"{RECORDS} x-paging items", {f"{RECORDS} x-paging items": "absent"}),
    ("R17", f"{RECORDS} x-paging items", {f"{SCHEMAS} RecordList required": DROP}),
    ("R17", f"{RECORDS} x-paging cursor", {f"{RECORDS} x-paging cursor": "data"}),
    ("R17", f"{RECORDS} x-paging cursor", {f"{RECORDS} x-paging cursor": "absent"}),
    ("R17", f"{RECORDS} x-paging has_more", {f"{RECORDS} x-paging has_more": "next"}),
    ("R17", f"{RECORDS} x-paging parameter", {f"{RECORDS} x-paging parameter": "limit"}),
    ("R17", f"{RECORDS} x-paging parameter", {f"{RECORDS} x-paging parameter": "absent"}),
    ("R17", f"{RECORDS} x-paging parameter", {f"{RECORDS} parameters 1 required": True}),
    ("R17", f"{RECORDS} x-paging backward", {f"{RECORDS} x-paging backward": "limit"}),
    ("R17", f"{RECORDS} x-paging", {f"{RECORDS} parameters 0 name": "ending_before"}),
    (
        "R17",
        f"{RECORDS} x-paging",
        {f"{RECORDS} responses 200": small_specs.response(ARRAY)},
    ),
    ("R17", f"{RECORDS} x-paging", {f"{RECORDS} responses 201": small_specs.response(ref("RecordList"))}),
    ("R17", f"{RECORDS} x-paging", {f"{RECORDS} responses 200": {"description": "Nothing."}}),
    ("R17", f"{CREATE} x-paging", {f"{CREATE} x-paging": PAGING}),
    (
        "R17",
        f"{RECORDS} x-paging items",
        {
            f"{SCHEMAS} RecordList": {
                "type": "object",
                "required": ["data", "others"],
                "properties": {"data": ARRAY, "others": ARRAY, "next": {"type": "string"}},
            },
            f"{GET} x-paging": {**PAGING, "items": "others"},
            f"{GET} parameters": [{"name": "after", "in": "query", "schema": {"type": "string"}}],
            f"{GET} responses 200": small_specs.response(ref("RecordList")),
        },
    ),
]

SILENT: list[tuple[str, str, dict[str, Any]]] = [
    ("'maxLength'", f"{SCHEMAS} Nick maxLenght", {f"{SCHEMAS} Nick maxLenght": 3}),
    ("'required'", f"{SCHEMAS} Piece requried", {f"{SCHEMAS} Piece requried": ["text"]}),
    ("'x-errors'", f"{CREATE} x-erors", {f"{CREATE} x-erors": ["too_much"]}),
    ("'x-set-by-client'", f"{KEY} x-set-by-cleint", {f"{KEY} x-set-by-cleint": True}),
    ("'x-sdk-method'", f"{LIST} x-sdk-metod", {f"{LIST} x-sdk-metod": "a.b"}),
    ("is unknown here", f"{SCHEMAS} Piece x-anything", {f"{SCHEMAS} Piece x-anything": 1}),
    ("no value fits", f"{SCHEMAS} Nick minLength", {f"{SCHEMAS} Nick maxLength": 0}),
    ("no value fits", f"{THING} count minimum", {f"{THING} count": {"type": "integer", "minimum": 2, "maximum": 1}}),
    ("no value fits", f"{THING} count", {f"{THING} count": {"type": "integer", "minimum": 2, "exclusiveMaximum": 2}}),
    ("regex", f"{SCHEMAS} Nick pattern", {f"{SCHEMAS} Nick pattern": "("}),
    ("contradicts", f"{SCHEMAS} Nick example", {f"{SCHEMAS} Nick example": ""}),
    ("contradicts", f"{SCHEMAS} Nick examples 1", {f"{SCHEMAS} Nick examples": ["a", 7]}),
    ("contradicts", f"{SCHEMAS} Mood default", {f"{SCHEMAS} Mood default": "angry"}),
    ("contradicts", f"{LIST} parameters 0 example", {f"{LIST} parameters 0 example": "many"}),
    (
        "contradicts",
        f"{CREATE} requestBody content application/json examples long value name",
        {f"{CREATE} requestBody content application/json examples": {"long": {"value": {"name": "0123456789"}}}},
    ),
    (
        "contradicts",
        "components examples Bad value",
        {
            f"{CONTENT} application/json examples": {"bad": {"$ref": "#/components/examples/Bad"}},
            "components examples Bad": {"value": {"id": "x"}},
        },
    ),
]


@pytest.mark.parametrize(("rule", "place", "changes"), BREACHES)
def test_violation_is_reported_with_rule_and_place(
    tmp_path: Path, rule: str, place: str, changes: dict[str, Any]
) -> None:
    pointer = "/".join(step.replace("/", "~1") for step in place.split(" "))
    messages = faults(tmp_path, changes)
    assert any(f" #/{pointer}: {rule}: " in fault and fault.startswith("small.yaml:") for fault in messages), messages


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({f"{CREATE} requestBody content multipart/form-data": ANY_JSON}, "keep the one that the client is to send"),
        ({f"{LIST} parameters 0 in": "cookie"}, "make it a header or a query, or leave it out"),
        ({f"{LIST} parameters 0 style": "deepObject"}, "make each member of the object a parameter"),
    ],
    ids=["two bodies", "cookie", "deepObject"],
)
def test_refused_way_of_sending_says_what_to_do(tmp_path: Path, changes: dict[str, Any], advice: str) -> None:
    [fault] = faults(tmp_path, changes)
    assert fault.endswith(f"; {advice}")


def test_every_lint_rule_has_a_violation_case() -> None:
    assert {rule for rule, _, _ in BREACHES} == {
        "R1",
        "R2",
        "R3",
        "R4",
        "R7",
        "R9",
        "R10",
        "R11",
        "R12",
        "R13",
        "R14",
        "R15",
        "R16",
        "R17",
    }


@pytest.mark.parametrize(("message", "place", "changes"), SILENT)
def test_ignored_or_contradicting_part_is_refused_with_its_place(
    tmp_path: Path, message: str, place: str, changes: dict[str, Any]
) -> None:
    pointer = "/".join(step.replace("/", "~1") for step in place.split(" "))
    messages = faults(tmp_path, changes)
    assert any(f" #/{pointer}: " in fault and message in fault and "small.yaml:" in fault for fault in messages), (
        messages
    )


def test_all_violations_are_reported_at_once(tmp_path: Path) -> None:
    changes = {f"{SCHEMAS} Mapping": OBJECT, f"{LIST} security": DROP, f"{SCHEMAS} Piece": True}
    assert {fault.split(": ")[1] for fault in faults(tmp_path, changes)} >= {"R1", "R9", "R12"}


@pytest.mark.parametrize(
    "extension",
    sorted(
        keywords.OPERATION_EXTENSIONS
        | keywords.PARAMETER_EXTENSIONS
        | keywords.SCHEMA_EXTENSIONS
        | keywords.COMPONENT_EXTENSIONS
    ),
)
def test_header_of_the_spec_explains_every_extension(extension: str) -> None:
    header, _, _ = (regenerate.ROOT / "openapi.yaml").read_text(encoding="utf-8").partition("\nopenapi:")
    assert re.search(rf"{extension}\b", header)
