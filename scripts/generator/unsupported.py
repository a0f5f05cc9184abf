"""Rule R13: constructs that the generated client has no counterpart for.

Plain bounds (lengths, patterns, ranges) are accepted; they become sentences in docstrings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .schemas import walk
from .spec import Spec
from .yaml_loader import Pointer

Diagnostic = tuple[Pointer, str]

_SHAPES = (
    *("allOf", "not", "if", "then", "else", "patternProperties", "prefixItems", "contains", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "dependentSchemas", "dependentRequired"),
    *("$defs", "definitions", "$dynamicRef", "$dynamicAnchor", "$anchor", "$id"),
)
_STYLES = {"path": "simple", "query": "form", "header": "simple"}


def required(spec: Spec) -> Iterator[Diagnostic]:
    """Every part of the spec that would be dropped."""
    for pointer, what in _unsupported(spec):
        yield pointer, f"R13: {what} has no counterpart in the generated client"


def _unsupported(spec: Spec) -> Iterator[Diagnostic]:
    if spec.document.get("webhooks"):
        yield ("webhooks",), "a webhook"
    for path, item in spec.document.get("paths", {}).items():
        yield from ((("paths", path, word), f"{word} of a path") for word in ("$ref", "servers") if word in item)
    for pointer, operation in spec.operations():
        yield from (
            ((*pointer, word), f"{word} of an operation") for word in ("servers", "callbacks") if word in operation
        )
        for media_type in spec.follow(operation.get("requestBody", {})).get("content", {}):
            if media_type != "application/json":
                yield (*pointer, "requestBody"), f"a body of type {media_type}"
        for parameter in spec.parameters(pointer):
            for what in _of_parameter(spec, parameter):
                yield pointer, f"{what} of parameter {parameter['name']}"
    for place in walk(spec.document):
        if place.wire_only:
            continue
        yield from (((*place.pointer, word), word) for word in _SHAPES if word in place.keywords)
        if place.keywords.get("format") == "binary":
            yield (*place.pointer, "format"), "format binary"
        kinds = {type(value) for value in place.keywords.get("enum", ("",)) if value is not None}
        if kinds not in ({str}, {int}):
            yield (*place.pointer, "enum"), "an enum of anything but text, or of whole numbers,"
        constant = place.keywords.get("const", "")
        if isinstance(constant, bool) or not isinstance(constant, (str, int)):
            yield (*place.pointer, "const"), f"const {constant!r}, which is neither text nor a whole number,"


def _of_parameter(spec: Spec, parameter: Mapping[str, Any]) -> Iterator[str]:
    place = parameter["in"]
    if place not in _STYLES:
        yield f"the place {place}"
        return
    if "content" in parameter:
        yield "content"
    if parameter.get("style", _STYLES[place]) != _STYLES[place]:
        yield f"style {parameter['style']}"
    if parameter.get("explode", place == "query") != (place == "query"):
        yield f"explode {str(parameter['explode']).lower()}"
    if parameter.get("allowReserved"):
        yield "allowReserved"
    kinds = [schema.get("type") for schema in _alternatives(spec, parameter.get("schema", {}))]
    shapes = {str(kind) for listed in kinds for kind in (listed if isinstance(listed, list) else [listed])}
    if "object" in shapes or (place == "path" and shapes & {"array", "null", "None"}):
        yield "a type that does not fit its place"


def _alternatives(spec: Spec, schema: Any) -> Iterator[Mapping[str, Any]]:
    schema = spec.follow(schema) if isinstance(schema, dict) else {}
    branches = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    if not branches:
        yield schema
    for branch in branches:
        yield from _alternatives(spec, branch)
