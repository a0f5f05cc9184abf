"""Natural phrasing passes the rules of the spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small_specs
from generator import lint
from generator.spec import Spec
from phrasing import ANY_JSON, CONTENT, CREATE, GET, HELD, KEY, LIST, OBJECT, RECORDS, SCHEMAS, THING, faults
from small_specs import DROP, ref

WEBHOOK = {
    "requestBody": {"content": {"application/json": {"schema": OBJECT}}},
    "responses": {"200": {"description": "Received."}},
}


def test_small_spec_passes_all_lint_rules(tmp_path: Path) -> None:
    assert faults(tmp_path, {}) == []


def test_committed_spec_passes_all_lint_rules() -> None:
    spec = Spec(Path(__file__).parents[3] / "openapi.yaml")
    spec.validate()
    spec.normalize()
    lint.check(spec)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({f"{SCHEMAS} snake_case": OBJECT, f"{THING} x": ref("snake_case")}, id="component-in-snake-case"),
        pytest.param({f"{THING} inner": OBJECT}, id="inline-object"),
        pytest.param({f"{THING} inner": {"properties": {"a": {"type": "string"}}}}, id="inline-object-without-type"),
        pytest.param({f"{THING} value": {**OBJECT, "properties": {"example": OBJECT}}}, id="inline-object-in-another"),
        pytest.param({f"{THING} parts": {"type": "array", "items": OBJECT}}, id="inline-items"),
        pytest.param({f"{THING} mood": {"anyOf": [{"enum": ["a"]}, {"type": "string"}]}}, id="inline-enum-in-a-union"),
        pytest.param({f"{LIST} parameters 0 schema": {"type": "string", "enum": ["a"]}}, id="inline-enum-in-a-query"),
        pytest.param({f"{CREATE} requestBody content application/json schema": OBJECT}, id="inline-body"),
        pytest.param({CONTENT: {**small_specs.events("Piece"), "application/json": ANY_JSON}}, id="event-stream-first"),
        pytest.param({f"{CONTENT} */*": {}}, id="any-media-type"),
        pytest.param({f"{THING} mood": {"type": ["string", "null"], "enum": ["a", None]}}, id="nullable-enum"),
        pytest.param({f"{SCHEMAS} Counts type": ["object", "null"]}, id="nullable-object"),
        pytest.param({f"{SCHEMAS} Nick": {"enum": ["a", None]}}, id="nullable-enum-component"),
        pytest.param({f"{SCHEMAS} Circle properties kind default": DROP}, id="tag-without-default"),
        pytest.param({f"{THING} mood": ref("Mood")}, id="enum-in-a-response"),
        pytest.param({f"{THING} moods": {"type": "array", "items": ref("Mood")}}, id="enums-in-a-response"),
        pytest.param({f"{SCHEMAS} ThingRequest properties name default": "x"}, id="default"),
        pytest.param({f"{LIST} parameters 0 schema default": 20}, id="default-of-a-query"),
        pytest.param({f"{KEY} schema format": "date-time"}, id="time-in-a-header"),
        pytest.param({f"{KEY} schema type": ["string", "null"]}, id="nullable-header"),
        pytest.param({f"{KEY} schema": {"type": "array", "items": {"type": "string"}}}, id="list-in-a-header"),
        pytest.param({f"{KEY} description": "Kept."}, id="described-parameter"),
        pytest.param({f"{KEY} deprecated": True}, id="deprecated-parameter"),
        pytest.param({f"{LIST} security": DROP, "security": [{"ApiKey": []}]}, id="root-security"),
        pytest.param({f"{LIST} responses default": {"$ref": "#/components/responses/Fault"}}, id="default-response"),
        pytest.param({f"{LIST} responses 404": small_specs.response(ref("Fault"))}, id="inline-error"),
        pytest.param({f"{LIST} responses 404": small_specs.response(ref("Piece"))}, id="another-error-schema"),
        pytest.param(
            {f"{LIST} responses 404": small_specs.response(ref("Fault"), "application/problem+json")}, id="problem-json"
        ),
        pytest.param({f"{LIST} responses 202": small_specs.response(ref("Piece"))}, id="two-successes"),
        pytest.param({f"{THING} anything": True}, id="true-as-a-schema"),
        pytest.param({f"{THING} parts": {"type": "array"}}, id="array-of-anything"),
        pytest.param({f"{SCHEMAS} Sub": {"allOf": [ref("Piece"), OBJECT]}}, id="allOf"),
        pytest.param({f"{THING} amount": {"type": "boolean", "const": True}}, id="boolean-const"),
        pytest.param({"webhooks": {"x.y": {"post": WEBHOOK}}}, id="webhook"),
        pytest.param(
            {
                f"{LIST} parameters 0 schema": {"type": "array", "items": {"type": "string"}},
                f"{LIST} parameters 0 explode": False,
            },
            id="explode-false",
        ),
        pytest.param({f"{CREATE} x-repeatable": True}, id="repeatable"),
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
        pytest.param(
            {
                f"{GET} x-charge": HELD,
                "paths /v1/things/{id} put": small_specs.operation(
                    "putThing", **{"x-charge": {**HELD, "record_of": "retrieveThing"}}
                ),
            },
            id="R14-held",
        ),
        pytest.param(
            {
                f"{LIST} x-rate-class": "slow",
                "components x-rate-classes": {"slow": {"burst": 12, "per_minute": 6}},
            },
            id="R15-rate-class",
        ),
        pytest.param(
            {f"{THING} count x-renamed-from": "number", f"{SCHEMAS} Mood x-renamed-values": {"glad": "happy"}},
            id="R16-renames",
        ),
        pytest.param(
            {
                f"{SCHEMAS} RecordList properties more": {"type": "boolean"},
                f"{SCHEMAS} RecordList properties next": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                f"{RECORDS} x-paging has_more": "more",
            },
            id="R17-paging",
        ),
    ],
)
def test_natural_phrasing_passes(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert faults(tmp_path, changes) == []
