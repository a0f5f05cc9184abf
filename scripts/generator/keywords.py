"""Finds keywords and extensions that nothing reads: JSON Schema lets a misspelt one pass as an annotation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from . import schemas
from .yaml_loader import Pointer

Diagnostic = tuple[Pointer, str]

OPERATION_EXTENSIONS: Final = frozenset(
    {"x-charge", "x-errors", "x-paging", "x-rate-class", "x-repeatable", "x-sdk-method", "x-sdk-stream"}
)
PARAMETER_EXTENSIONS: Final = frozenset({"x-set-by-client"})
SCHEMA_EXTENSIONS: Final = frozenset({"x-accepts-class", "x-also-accepts", "x-renamed-from", "x-renamed-values"})
COMPONENT_EXTENSIONS: Final = frozenset({"x-error-codes", "x-rate-classes"})

_SCHEMA_KEYWORDS = (
    {"$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$comment", "$defs"}
    | {"definitions", "type", "enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"}
    | {"properties", "patternProperties", "additionalProperties", "propertyNames", "required", "dependentRequired"}
    | {"dependentSchemas", "minProperties", "maxProperties", "unevaluatedProperties", "unevaluatedItems"}
    | {"items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minLength", "maxLength", "pattern", "format", "contentMediaType", "contentEncoding", "contentSchema"}
    | {"discriminator", "nullable"}
    | schemas.ANNOTATIONS
    | SCHEMA_EXTENSIONS
)
# Below these stand names of the spec's own choice, or values.
_NAMES = {
    *("callbacks", "content", "encoding", "examples", "headers", "links", "mapping", "parameters", "pathItems"),
    *("paths", "properties", "requestBodies", "responses", "schemas", "scopes", "securitySchemes", "variables"),
    "webhooks",
}
_VALUES = {"const", "default", "enum", "example", "examples", "security", "value"}


def unknown(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Every keyword of a schema that JSON Schema and OpenAPI do not have, and every extension that nobody reads."""
    for place in schemas.walk(document):
        for keyword in place.keywords:
            if keyword not in _SCHEMA_KEYWORDS:
                yield (*place.pointer, keyword), _unknown("keyword", keyword, _SCHEMA_KEYWORDS)
    yield from _unknown_extensions(document, ())


def _unknown_extensions(node: Any, pointer: Pointer) -> Iterator[Diagnostic]:
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from _unknown_extensions(child, (*pointer, index))
        return
    if not isinstance(node, dict):
        return
    holds_names = bool(pointer) and pointer[-1] in _NAMES
    known = _extensions_at(pointer)
    for key, child in node.items():
        if not holds_names and str(key).startswith("x-"):
            if key not in known:
                yield (*pointer, key), _unknown("extension", key, known)
        elif key not in {"schema", "schemas"} and not (key in _VALUES and not holds_names):
            yield from _unknown_extensions(child, (*pointer, key))


def _extensions_at(pointer: Pointer) -> frozenset[str]:
    if pointer[:1] == ("paths",) and len(pointer) == 3 and pointer[2] in schemas.METHODS:
        return OPERATION_EXTENSIONS
    if pointer[-2:-1] == ("parameters",):
        return PARAMETER_EXTENSIONS
    return COMPONENT_EXTENSIONS if pointer == ("components",) else frozenset()


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"the {kind} {name!r} is unknown here, and would be ignored{hint}"
