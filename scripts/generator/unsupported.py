"""Rule R13: constructs that the generated client has no counterpart for.

Plain bounds (lengths, patterns, ranges) are accepted; they become sentences in docstrings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .schemas import walk
from .spec import Spec, component_name
from .yaml_loader import Pointer

Diagnostic = tuple[Pointer, str]

_SHAPES = (
    *("allOf", "not", "if", "then", "else", "patternProperties", "prefixItems", "contains", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "dependentSchemas", "dependentRequired"),
    *("$defs", "definitions", "$dynamicRef", "$dynamicAnchor", "$anchor", "$id"),
)
_ONE_EACH = "make each member of the object a parameter"
_STYLES = {"path": "simple", "query": "form", "header": "simple"}


def required(spec: Spec) -> Iterator[Diagnostic]:
    """Every part of the spec that would be dropped."""
    for pointer, what in _unsupported(spec):
        yield pointer, f"R13: {what} has no counterpart in the generated client"
    for pointer, _ in spec.operations():
        for parameter in spec.parameters(pointer):
            for what, advice in _of_parameter(spec, parameter):
                subject = f"{what} of parameter {parameter['name']}"
                yield pointer, f"R13: {subject} has no counterpart in the generated client; {advice}"


def _unsupported(spec: Spec) -> Iterator[Diagnostic]:
    for path, item in spec.document.get("paths", {}).items():
        yield from ((("paths", path, word), f"{word} of a path") for word in ("$ref", "servers") if word in item)
    for pointer, operation in spec.operations():
        yield from (
            ((*pointer, word), f"{word} of an operation") for word in ("servers", "callbacks") if word in operation
        )
        yield from _of_body(spec, pointer, operation)
    files = set(_files(spec))
    for place in walk(spec.document):
        if place.wire_only:
            continue
        yield from (((*place.pointer, word), word) for word in _SHAPES if word in place.keywords)
        if place.keywords.get("format") == "binary" and place.pointer not in files:
            yield (*place.pointer, "format"), "format binary, outside of a form or a body of bytes,"
        kinds = {type(value) for value in place.keywords.get("enum", ("",)) if value is not None}
        if kinds not in ({str}, {int}):
            yield (*place.pointer, "enum"), "an enum of anything but text, or of whole numbers,"
        constant = place.keywords.get("const", "")
        if not isinstance(constant, (str, int)):
            yield (*place.pointer, "const"), f"const {constant!r}, which is neither text nor a whole number,"


def _of_body(spec: Spec, pointer: Pointer, operation: Mapping[str, Any]) -> Iterator[Diagnostic]:
    body, schema = operation.get("requestBody", {}), spec.body_schema(operation)
    encoding = spec.body(pointer)
    if schema is None or encoding is None:
        return
    where = (*pointer, "requestBody")
    if not body.get("required") and schema.get("required"):
        yield where, "an optional body with required members (set `required: true` beside its content)"
    if encoding.format in ("form", "multipart"):
        if not schema.get("properties"):
            yield where, f"a body of type {encoding.media_type} without members"
        for name, member in schema.get("properties", {}).items() if encoding.format == "form" else ():
            branches = list(_alternatives(spec, member))
            kinds = [spec.follow(node).get("type") for inner in branches for node in (inner, inner.get("items", {}))]
            if "object" in kinds:
                yield where, f"member {name}, an object in a URL-encoded form,"


def _files(spec: Spec) -> Iterator[Pointer]:
    """Where bytes can stand: bodies of bytes, and the members of multipart forms."""
    for pointer, operation in spec.operations():
        encoding, media = spec.body(pointer), spec.body_media(operation)
        if encoding is None or media is None:
            continue
        where: Pointer = (*pointer, "requestBody", "content", "application/json", "schema")
        if encoding.format == "bytes":
            yield where
        if encoding.format == "multipart":
            name = component_name(media["schema"].get("$ref", ""))
            where = ("components", "schemas", name) if name else where
            for member in spec.follow(media["schema"]).get("properties", {}):
                yield (*where, "properties", member)
                yield (*where, "properties", member, "items")


def _of_parameter(spec: Spec, parameter: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What of a parameter would be dropped, with what to do instead."""
    place = parameter["in"]
    if place not in _STYLES:
        yield f"the place {place}", "make it a header or a query, or leave it out"
        return
    if "content" in parameter:
        yield "content", "give it a schema instead"
    style = parameter.get("style", _STYLES[place])
    if style == "deepObject":
        yield f"style {style}", _ONE_EACH
        return
    if style != _STYLES[place]:
        yield f"style {style}", f"leave it out, which means {_STYLES[place]}"
    if place == "path" and parameter.get("explode"):
        yield "explode true", "leave it out"
    if parameter.get("allowReserved"):
        yield "allowReserved", "leave it out"
    kinds = [schema.get("type") for schema in _alternatives(spec, parameter.get("schema", {}))]
    shapes = {str(kind) for listed in kinds for kind in (listed if isinstance(listed, list) else [listed])}
    if "object" in shapes:
        yield "an object as the value", _ONE_EACH
    elif place == "path" and shapes & {"array", "null", "None"}:
        yield "a type that does not fit its place", "a part of a path is a string, a number or a boolean"


def _alternatives(spec: Spec, schema: Any) -> Iterator[Mapping[str, Any]]:
    schema = spec.follow(schema) if isinstance(schema, dict) else {}
    branches = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    if not branches:
        yield schema
    for branch in branches:
        yield from _alternatives(spec, branch)
