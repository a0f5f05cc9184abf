"""Validates the structure of a document against the OpenAPI 3.1 and JSON Schema meta-schemas.

Later steps rely on every node having the right type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

# What openapi-spec-validator judges by; neither tells its types.
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from openapi_spec_validator.schemas import schema_v31
from referencing import Resource

from . import schemas
from .schemas import METHODS
from .yaml_loader import Pointer

Diagnostic = tuple[Pointer, str]

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_OPERATION = {
    "properties": {
        "x-errors": {"type": "array", "items": _TEXT},
        "x-sdk-method": _TEXT,
        "x-sdk-stream": {"enum": ["custom"]},
        "x-charge": {
            "type": "object",
            "required": ["amount"],
            "properties": {
                "amount": _TEXT,
                "record_of": _TEXT,
                "held_while": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": {"type": "array", "items": _TEXT, "minItems": 1},
                },
            },
            "additionalProperties": False,
        },
        "x-paging": {
            "type": "object",
            "required": ["items", "cursor", "parameter"],
            "properties": {"items": _TEXT, "cursor": _TEXT, "parameter": _TEXT, "has_more": _TEXT, "backward": _TEXT},
            "additionalProperties": False,
        },
        "x-rate-class": _TEXT,
        "x-repeatable": _FLAG,
        "parameters": {"items": {"properties": {"x-set-by-client": _FLAG}}},
    }
}
_ERROR_CODE = {
    "type": "object",
    "properties": {
        "status": {"anyOf": [{"type": "integer", "minimum": 400, "maximum": 599}, {"enum": ["4XX", "5XX"]}]},
        "retryable": _FLAG,
        "type": _TEXT,
        "when": _TEXT,
        "page": _TEXT,
    },
}
# The members that OpenAPI and this house add to JSON Schema, whose own vocabulary knows nothing of them.
_SCHEMA = {
    "type": ["object", "boolean"],
    "properties": {
        "discriminator": {
            "type": "object",
            "required": ["propertyName"],
            "properties": {"propertyName": _TEXT, "mapping": {"type": "object", "additionalProperties": _TEXT}},
        },
        "x-accepts-class": _FLAG,
        "x-also-accepts": _TEXT,
        "x-renamed-from": _TEXT,
        "x-renamed-values": {"type": "object", "additionalProperties": _TEXT},
    },
}
_HOUSE = {
    "required": ["paths"],
    "properties": {
        "paths": {"additionalProperties": {"properties": dict.fromkeys(METHODS, _OPERATION)}},
        "components": {
            "properties": {
                "x-error-codes": {"type": "object", "additionalProperties": _ERROR_CODE},
                "parameters": {"additionalProperties": {"properties": {"x-set-by-client": _FLAG}}},
            }
        },
    },
}
_LONGEST = 60


def faults(document: Mapping[str, Any]) -> list[Diagnostic]:
    """Every node of a wrong kind, with what is wrong; then, if there is none, every reference to a wrong kind."""
    return structure_errors(document) or list(_misplaced_references(document))


def structure_errors(document: Mapping[str, Any]) -> list[Diagnostic]:
    """Every node of a wrong kind, with what is wrong. Takes any JSON, and none that is part of itself."""
    # The validator in Python takes a hundred times as long, and knows better what is wrong.
    if _fast_validator().is_valid(document):
        return []
    return _root_causes(_validator().iter_errors(document))


def _judge() -> dict[str, Any]:
    # OpenAPI leaves open by which dialect schemas are judged: by what is called `meta` where judging began.
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:aurous:frame",
        "allOf": [{"$ref": schema_v31["$id"]}, _HOUSE],
        "$defs": {
            "schema": {
                "$dynamicAnchor": "meta",
                "allOf": [{"$ref": "https://json-schema.org/draft/2020-12/schema"}, _SCHEMA],
            }
        },
    }


@cache
def _validator() -> Draft202012Validator:
    resources = [(each["$id"], Resource.from_contents(each)) for each in (dict(schema_v31), _judge())]
    known = REGISTRY.with_resources(resources).crawl()
    # By reference, since the validator goes through what it is given itself again for each anchor that it looks up.
    start = {"$ref": _judge()["$id"]}
    return Draft202012Validator(start, registry=known, format_checker=Draft202012Validator.FORMAT_CHECKER)


@cache
def _fast_validator() -> jsonschema_rs.Draft202012Validator:
    known = jsonschema_rs.Registry([(each["$id"], each) for each in (dict(schema_v31), _judge())])
    return jsonschema_rs.Draft202012Validator(
        {"$ref": _judge()["$id"]}, registry=known, validate_formats=True, formats={"regex": _is_pattern}
    )


def _is_pattern(value: str) -> bool:
    # By Python's rules, as the other validator, which the generated package goes by.
    try:
        re.compile(value)
    except re.error:
        return False
    return True


def _root_causes(errors: Iterable[ValidationError]) -> list[Diagnostic]:
    """The errors without their echoes: a member that is faulty inside counts as unexpected in the node around it."""
    deepest = [error for error in (best_match([error]) for error in errors) if error is not None]
    above = {tuple(error.absolute_path)[:length] for error in deepest for length in range(len(error.absolute_path))}
    selected = [e for e in deepest if e.validator != "unevaluatedProperties" or tuple(e.absolute_path) not in above]
    return list(dict.fromkeys((tuple(error.absolute_path), _message(error)) for error in selected))


def _message(error: ValidationError) -> str:
    shown = repr(error.instance)
    message = error.message.replace(shown, "this") if len(shown) > _LONGEST else error.message
    return " ".join(message.split())[:300]


def _misplaced_references(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for pointer, holder in schemas.schema_holders(document):
        if "$ref" in holder:
            is_body = pointer[0] == "paths" and pointer[-1] == "requestBody"
            home = f"#/components/{'requestBodies' if is_body else pointer[-2]}/"
            if not _points_into(home, holder["$ref"]):
                yield (*pointer, "$ref"), f"a $ref here must lead to {home}NAME"
    for place in schemas.walk(document):
        if "$ref" in place.keywords and not _points_into("#/components/schemas/", place.keywords["$ref"]):
            yield (*place.pointer, "$ref"), "R1: a $ref to anything but a named component is dropped"


def _points_into(home: str, reference: str) -> bool:
    return reference.startswith(home) and "/" not in reference.removeprefix(home)
