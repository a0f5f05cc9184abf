"""Finds every schema of a document by the structure of OpenAPI, not by the names of members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .yaml_loader import Pointer

# What describes a schema and leaves open which values it allows: may stand beside a $ref.
ANNOTATIONS = frozenset(
    {"title", "description", "summary", "default", "deprecated", "example", "examples", "readOnly", "writeOnly"}
    | {"externalDocs", "$comment", "xml"}
)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# The keywords under which further schemas stand: one, a list, or one for each of some names.
_ONE = (
    *("items", "additionalProperties", "contentSchema", "not", "if", "then", "else", "contains"),
    *("propertyNames", "unevaluatedItems", "unevaluatedProperties"),
)
_MANY = ("oneOf", "anyOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


@dataclass(frozen=True)
class Place:
    """A schema, where it stands, and who reads it."""

    pointer: Pointer
    schema: Any
    """An object, or true or false."""
    wire_only: bool = False
    """Read by tools and never by the generator: an event of a stream, the value of a response header."""
    is_component: bool = False

    @property
    def keywords(self) -> dict[str, Any]:
        """The schema, where it is an object; no keywords where it is true or false."""
        return self.schema if isinstance(self.schema, dict) else {}


def walk(document: Mapping[str, Any]) -> Iterator[Place]:
    """Every schema of a document, outer ones first. What a $ref leads to is not visited again."""
    components = document.get("components", {})
    for name, schema in components.get("schemas", {}).items():
        yield from subschemas(Place(("components", "schemas", name), schema, is_component=True))
    for pointer, holder in schema_holders(document):
        yield from _holder_schemas(pointer, holder)


def subschemas(place: Place) -> Iterator[Place]:
    """A schema and those inside it."""
    yield place
    schema = place.keywords
    inner = replace(place, is_component=False)
    for keyword in _ONE:
        if keyword in schema:
            yield from subschemas(replace(inner, pointer=(*place.pointer, keyword), schema=schema[keyword]))
    for keyword in _MANY:
        for index, branch in enumerate(schema.get(keyword, ())):
            yield from subschemas(replace(inner, pointer=(*place.pointer, keyword, index), schema=branch))
    for keyword in _NAMED:
        for name, member in schema.get(keyword, {}).items():
            yield from subschemas(replace(inner, pointer=(*place.pointer, keyword, name), schema=member))


def content_schemas(pointer: Pointer, holder: Mapping[str, Any]) -> Iterator[Place]:
    """The schemas of the media types of a body or a response."""
    for media_type, content in holder.get("content", {}).items():
        if "schema" in content:
            where = (*pointer, "content", media_type, "schema")
            yield from subschemas(Place(where, content["schema"], wire_only=media_type == "text/event-stream"))


def schema_holders(document: Mapping[str, Any]) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """Whatever has a schema of its own or content: parameters, headers, bodies and responses."""
    components = document.get("components", {})
    for kind in ("parameters", "headers", "requestBodies", "responses"):
        for name, holder in components.get(kind, {}).items():
            yield ("components", kind, name), holder
    for path, item in document.get("paths", {}).items():
        for index, parameter in enumerate(item.get("parameters", ())):
            yield ("paths", path, "parameters", index), parameter
        for method in METHODS:
            operation = item.get(method, {})
            for index, parameter in enumerate(operation.get("parameters", ())):
                yield ("paths", path, method, "parameters", index), parameter
            if "requestBody" in operation:
                yield ("paths", path, method, "requestBody"), operation["requestBody"]
            for status, response in operation.get("responses", {}).items():
                yield ("paths", path, method, "responses", status), response


def _holder_schemas(pointer: Pointer, holder: Mapping[str, Any], *, is_header: bool = False) -> Iterator[Place]:
    is_header = is_header or pointer[-2] == "headers"
    if "schema" in holder:
        yield from subschemas(Place((*pointer, "schema"), holder["schema"], wire_only=is_header))
    yield from content_schemas(pointer, holder)
    for name, header in holder.get("headers", {}).items():
        yield from _holder_schemas((*pointer, "headers", name), header, is_header=True)
