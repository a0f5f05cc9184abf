"""The rules R1-R14: the smallest breach of each is refused, with the rule and the place; the good phrasing passes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import small_specs
from generator import lint
from generator.spec import Spec
from generator.yaml_loader import SpecError
from small_specs import DROP, ref

SCHEMAS = "components schemas"
THING = f"{SCHEMAS} Thing properties"
CREATE = "paths /v1/things post"
CONTENT = f"{CREATE} responses 200 content"
LIST = "paths /v1/things get"
KEY = f"{CREATE} parameters 0"

OBJECT = {"type": "object", "properties": {}}
ANY_JSON = {"schema": ref("Thing")}


def faults(tmp_path: Path, changes: Mapping[str, Any]) -> list[str]:
    spec = Spec(small_specs.write(tmp_path / "small.yaml", small_specs.document(at=changes)))
    try:
        spec.validate()
        lint.check(spec)
    except SpecError as error:
        return list(error.faults)
    return []


BREACHES: list[tuple[str, str, dict[str, Any]]] = [
    # R1
    ("R1", f"{THING} inner", {f"{THING} inner": OBJECT}),
    ("R1", f"{THING} inner", {f"{THING} inner": {"properties": {"a": {"type": "string"}}}}),
    ("R1", f"{THING} headers", {f"{THING} headers": OBJECT}),
    ("R1", f"{THING} value properties example", {f"{THING} value": {**OBJECT, "properties": {"example": OBJECT}}}),
    ("R1", f"{THING} parts items", {f"{THING} parts": {"type": "array", "items": OBJECT}}),
    ("R1", f"{THING} mood anyOf 0", {f"{THING} mood": {"anyOf": [{"enum": ["a"]}, {"type": "string"}]}}),
    ("R1", f"{LIST} parameters 0 schema", {f"{LIST} parameters 0 schema": {"type": "string", "enum": ["a"]}}),
    (
        "R1",
        f"{CREATE} requestBody content application/json schema",
        {f"{CREATE} requestBody content application/json schema": OBJECT},
    ),
    ("R1", f"{THING} parent", {f"{THING} parent": {**ref("Thing"), "minProperties": 1}}),
    ("R1", f"{THING} parent $ref", {f"{THING} parent": {"$ref": "#/components/schemas/Thing/properties/id"}}),
    ("R1", f"{SCHEMAS} snake_case", {f"{SCHEMAS} snake_case": OBJECT}),
    ("R1", f"{SCHEMAS} Mapping", {f"{SCHEMAS} Mapping": OBJECT}),
    ("R1", f"{SCHEMAS} Aliases", {f"{SCHEMAS} Aliases": OBJECT}),
    ("R1", f"{LIST}", {f"{LIST} operationId": DROP}),
    ("R1", f"{CREATE} operationId", {f"{LIST} operationId": "create_thing", f"{CREATE} operationId": "createThing"}),
    ("R1", f"{SCHEMAS} Alias", {f"{SCHEMAS} Alias": ref("Thing")}),
    # R2
    ("R2", CONTENT, {CONTENT: {"text/event-stream": {"schema": {}}, "application/json": ANY_JSON}}),
    ("R2", CONTENT, {f"{CONTENT} application/json": DROP}),
    ("R2", f"{CONTENT} application/x-ndjson", {f"{CONTENT} application/x-ndjson": ANY_JSON}),
    ("R2", f"{CONTENT} */*", {f"{CONTENT} */*": ANY_JSON}),
    ("R2", f"{CONTENT} text/event-stream", {f"{CONTENT} text/event-stream schema": DROP}),
    ("R2", f"{CONTENT} text/event-stream", {f"{CONTENT} text/event-stream schema": {"type": "object"}}),
    ("R2", f"{CONTENT} text/event-stream", {f"{SCHEMAS} Piece": {"type": "integer"}}),
    # R3
    ("R3", f"{THING} parent nullable", {f"{THING} parent": {**ref("Thing"), "nullable": True}}),
    ("R3", f"{THING} mood enum", {f"{THING} mood": {"type": ["string", "null"], "enum": ["a", None]}}),
    ("R3", f"{SCHEMAS} Piece type", {f"{SCHEMAS} Piece type": ["object", "null"]}),
    ("R3", f"{SCHEMAS} Nick enum", {f"{SCHEMAS} Nick": {"enum": ["a", None]}}),
    # R4
    ("R4", f"{SCHEMAS} Circle", {f"{SCHEMAS} Circle properties kind default": DROP}),
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
    # R5
    ("R5", f"{THING} mood", {f"{THING} mood": ref("Mood")}),
    ("R5", f"{THING} mood", {f"{THING} mood": {"anyOf": [ref("Mood"), {"type": "null"}]}}),
    ("R5", f"{THING} moods items", {f"{THING} moods": {"type": "array", "items": ref("Mood")}}),
    ("R5", f"{SCHEMAS} Piece properties mood", {f"{SCHEMAS} Piece properties mood": ref("Mood")}),
    # R6
    ("R6", f"{SCHEMAS} ThingRequest properties name default", {f"{SCHEMAS} ThingRequest properties name default": "x"}),
    ("R6", f"{LIST} parameters 0 schema default", {f"{LIST} parameters 0 schema default": 20}),
    # R7
    ("R7", f"{THING} count type", {f"{THING} count": {"type": "number", "multipleOf": 1}}),
    ("R7", f"{THING} count type", {f"{THING} count": {"type": "number", "format": "int64"}}),
    # R8
    ("R8", CREATE, {f"{KEY} schema format": "date-time"}),
    ("R8", CREATE, {f"{KEY} schema format": "uuid"}),
    ("R8", CREATE, {f"{KEY} schema type": ["string", "null"]}),
    ("R8", CREATE, {f"{KEY} schema": {"type": "array", "items": {"type": "string"}}}),
    ("R8", CREATE, {f"{KEY} schema const": "x"}),
    ("R8", CREATE, {f"{KEY} schema": DROP, f"{KEY} content": {"text/plain": {"schema": {"type": "string"}}}}),
    ("R8", CREATE, {f"{KEY} schema": True}),
    ("R8", CREATE, {f"{KEY} description": "Lost."}),
    # R9
    ("R9", LIST, {f"{LIST} security": DROP, "security": [{"ApiKey": []}]}),
    # R10
    ("R10", f"{LIST} responses default", {f"{LIST} responses default": {"$ref": "#/components/responses/Fault"}}),
    ("R10", f"{LIST} responses 404", {f"{LIST} responses 404": small_specs.response(ref("Fault"))}),
    (
        "R10",
        f"{LIST} responses 5XX",
        {
            f"{LIST} responses 5XX": {"$ref": "#/components/responses/Other"},
            "components responses Other": small_specs.response(ref("Piece")),
        },
    ),
    (
        "R10",
        f"{LIST} responses 5XX",
        {
            f"{LIST} responses 5XX": {"$ref": "#/components/responses/Other"},
            "components responses Other": small_specs.response(ref("Fault"), "application/problem+json"),
        },
    ),
    ("R10", f"{LIST} responses", {f"{LIST} responses 200": DROP}),
    ("R10", f"{LIST} responses", {f"{LIST} responses 202": small_specs.response(ref("Piece"))}),
    ("R10", f"{CREATE} x-errors 0", {f"{CREATE} x-errors": ["no_such_code"]}),
    ("R10", "components x-error-codes too_much", {"components x-error-codes too_much when": DROP}),
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
    ("R12", f"{THING} anything", {f"{THING} anything": True}),
    ("R12", f"{THING} parts items", {f"{THING} parts": {"type": "array", "items": True}}),
    ("R12", f"{THING} parts", {f"{THING} parts": {"type": "array"}}),
    # R13
    ("R13", f"{SCHEMAS} Piece allOf", {f"{SCHEMAS} Piece allOf": [ref("Thing")]}),
    ("R13", f"{SCHEMAS} Piece patternProperties", {f"{SCHEMAS} Piece patternProperties": {"^x": {}}}),
    ("R13", f"{SCHEMAS} Piece if", {f"{SCHEMAS} Piece if": {}}),
    ("R13", f"{THING} id not", {f"{THING} id not": {"type": "null"}}),
    ("R13", f"{THING} amount const", {f"{THING} amount": {"type": "boolean", "const": True, "default": True}}),
    ("R13", f"{THING} amount format", {f"{THING} amount": {"type": "string", "format": "binary"}}),
    ("R13", f"{SCHEMAS} Nick enum", {f"{SCHEMAS} Nick": {"enum": [True, False]}}),
    ("R13", f"{SCHEMAS} Nick enum", {f"{SCHEMAS} Nick": {"enum": [1.5]}}),
    ("R13", f"{SCHEMAS} Nick enum", {f"{SCHEMAS} Nick": {"enum": ["a", 1]}}),
    ("R13", "webhooks", {"webhooks": {"x": {}}}),
    ("R13", f"{LIST} callbacks", {f"{LIST} callbacks": {"x": {}}}),
    ("R13", f"{LIST} servers", {f"{LIST} servers": [{"url": "https://elsewhere.example"}]}),
    ("R13", LIST, {f"{LIST} parameters 0 in": "cookie"}),
    ("R13", LIST, {f"{LIST} parameters 0 explode": False}),
    ("R13", LIST, {f"{LIST} parameters 0 style": "pipeDelimited"}),
    ("R13", LIST, {f"{LIST} parameters 0 schema": ref("Piece")}),
    (
        "R13",
        "paths /v1/things/{id} get",
        {"paths /v1/things/{id} parameters 0 schema": {"type": ["string", "null"]}},
    ),
    ("R13", f"{CREATE} requestBody", {f"{CREATE} requestBody content multipart/form-data": ANY_JSON}),
    # R14
    ("R14", f"{LIST} x-charge amount", {f"{LIST} x-charge": {"amount": "cost"}}),
    ("R14", f"{LIST} x-charge amount", {f"{LIST} x-charge": {"amount": "data"}}),
    # An event of its stream has no amount.
    ("R14", f"{CREATE} x-charge amount", {f"{CREATE} x-charge": {"amount": "amount"}}),
    ("R14", f"{LIST} x-charge record_of", {f"{LIST} x-charge": {"amount": "data", "record_of": "listThings"}}),
    ("R14", f"{LIST} x-charge", {f"{LIST} x-charge": {"amount": "total", "record_of": "createThing"}}),
    (
        "R14",
        "paths /v1/things/{id} delete x-charge amount",
        {"paths /v1/things/{id} delete x-charge": {"amount": "amount"}},
    ),
]


def test_small_spec_passes_all_lint_rules(tmp_path: Path) -> None:
    assert faults(tmp_path, {}) == []


def test_committed_spec_passes_all_lint_rules() -> None:
    spec = Spec(Path(__file__).parents[3] / "openapi.yaml")
    spec.validate()
    lint.check(spec)


@pytest.mark.parametrize(("rule", "place", "changes"), BREACHES)
def test_violation_is_reported_with_rule_and_place(
    tmp_path: Path, rule: str, place: str, changes: dict[str, Any]
) -> None:
    pointer = "/".join(step.replace("/", "~1") for step in place.split(" "))
    found = faults(tmp_path, changes)
    assert any(f" #/{pointer}: {rule}: " in fault and fault.startswith("small.yaml:") for fault in found), found


def test_every_lint_rule_has_a_violation_case() -> None:
    assert {rule for rule, _, _ in BREACHES} == {f"R{number}" for number in range(1, 15)}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {f"{THING} value": ref("Piece"), f"{THING} default": {"type": "string"}}, id="R1-members-named-so"
        ),
        pytest.param({f"{THING} parent": {**ref("Thing"), "description": "Said."}}, id="R1-description-beside-ref"),
        pytest.param({f"{THING} mood": {"type": ["string", "null"]}}, id="R3-nullable-scalar"),
        pytest.param(
            {f"{THING} mood": {"anyOf": [ref("Mood"), {"type": "string"}, {"type": "null"}]}}, id="R5-nullable"
        ),
        pytest.param(
            {f"{THING} moods": {"type": "array", "items": {"anyOf": [ref("Mood"), {"type": "string"}]}}}, id="R5"
        ),
        pytest.param(
            {f"{SCHEMAS} ThingRequest properties moods": {"type": "array", "items": ref("Mood")}}, id="R5-sent"
        ),
        pytest.param({f"{THING} either": {"oneOf": [ref("Shape"), {"type": "string"}]}}, id="R4-tagged-union-inside"),
        pytest.param({f"{LIST} responses 5XX": {"$ref": "#/components/responses/Fault"}}, id="R10-same-envelope"),
        pytest.param(
            {f"{CREATE} responses 201": small_specs.document()["paths"]["/v1/things"]["post"]["responses"]["200"]},
            id="R10-same-2xx",
        ),
        pytest.param({f"{THING} anything": {}}, id="R12-empty-schema"),
        pytest.param({f"{SCHEMAS} Piece additionalProperties": False}, id="R12-closed-object"),
        pytest.param(
            {f"{LIST} parameters 0 schema": {"type": "array", "items": {"type": "string"}}}, id="R13-array-in-query"
        ),
        pytest.param({"paths /v1/things/{id} get x-charge": {"amount": "amount"}}, id="R14-charge"),
        pytest.param({"paths /v1/things/{id} get x-charge": {"amount": "parent.count"}}, id="R14-charge-below-null"),
        pytest.param(
            {
                "paths /v1/things/{id} get x-charge": {"amount": "amount"},
                "paths /v1/things/{id} put": small_specs.operation(
                    "putThing", **{"x-charge": {"amount": "amount", "record_of": "retrieveThing"}}
                ),
            },
            id="R14-record",
        ),
    ],
)
def test_recommended_phrasing_passes(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert faults(tmp_path, changes) == []


def test_all_violations_are_reported_at_once(tmp_path: Path) -> None:
    changes = {f"{THING} inner": OBJECT, f"{LIST} security": DROP, f"{SCHEMAS} Piece": True}
    assert {fault.split(": ")[1] for fault in faults(tmp_path, changes)} >= {"R1", "R9", "R12"}
