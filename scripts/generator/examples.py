"""Checks the examples and defaults of a document against its own schemas, and bounds against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from . import schemas, yaml_loader
from .yaml_loader import Pointer

Diagnostic = tuple[Pointer, str]

_ORDERED = (
    *(("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")),
    ("minProperties", "maxProperties"),
)
_DOCUMENT = "urn:aurous:document"


def contradictions(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Where a document contradicts itself."""
    loops = list(_loops(document))
    yield from loops
    for place in schemas.walk(document):
        yield from _impossible_bounds(place)
    # Validation by a schema that is part of itself would never end.
    yield from [] if loops else _bad_examples(document)


def _loops(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Components that are alternatives or parts of themselves."""

    def reached(schema: Any) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = [part for keyword in ("allOf", "anyOf", "oneOf") for part in schema.get(keyword, ())]
        own = {str(schema["$ref"]).rsplit("/", 1)[-1]} if "$ref" in schema else set()
        return own.union(*map(reached, inner))

    components = document.get("components", {}).get("schemas", {})
    edges = {name: reached(schema) for name, schema in components.items()}
    for name in components:
        reachable: set[str] = set()
        waiting = [name]
        while waiting:
            new = edges.get(waiting.pop(), set()) - reachable
            reachable |= new
            waiting += new
        if name in reachable:
            yield ("components", "schemas", name), f"R13: {name} is part of itself, by allOf, anyOf or oneOf"


def _impossible_bounds(place: schemas.Place) -> Iterator[Diagnostic]:
    schema = place.keywords
    for least, most in _ORDERED:
        if least in schema and most in schema and schema[least] > schema[most]:
            yield (*place.pointer, least), f"{least} {schema[least]} is more than {most} {schema[most]}: no value fits"
    lower: float = max(schema.get("minimum", float("-inf")), schema.get("exclusiveMinimum", float("-inf")))
    upper: float = min(schema.get("maximum", float("inf")), schema.get("exclusiveMaximum", float("inf")))
    is_open = lower in (schema.get("exclusiveMinimum"),) or upper in (schema.get("exclusiveMaximum"),)
    if {"exclusiveMinimum", "exclusiveMaximum"} & schema.keys() and (lower > upper or (is_open and lower == upper)):
        yield place.pointer, f"nothing is above {lower} and below {upper}: no value fits"


def _bad_examples(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)
    for pointer, example, value in _examples(document):
        reference = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in pointer)
        validator = Draft202012Validator({"$ref": f"{_DOCUMENT}#{reference}"}, registry=registry)
        for error in list(validator.iter_errors(value))[:1]:
            where = (*example, *error.absolute_path)
            yield where, f"this contradicts the schema at #{reference}: {_message(error)}"


def _message(error: ValidationError) -> str:
    return " ".join(error.message.split())[:200]


def _examples(document: Mapping[str, Any]) -> Iterator[tuple[Pointer, Pointer, Any]]:
    """(pointer of the schema, pointer of the example, the example) of everything that has an example."""
    for place in schemas.walk(document):
        schema, pointer = place.keywords, place.pointer
        for keyword in ("example", "default"):
            if keyword in schema:
                yield pointer, (*pointer, keyword), schema[keyword]
        for index, value in enumerate(schema.get("examples", ())):
            yield pointer, (*pointer, "examples", index), value
    for pointer, holder in schemas.schema_holders(document):
        yield from _of_holder(document, pointer, holder)
        for media_type, media in holder.get("content", {}).items():
            yield from _of_holder(document, (*pointer, "content", media_type), media)


def _of_holder(
    document: Mapping[str, Any], pointer: Pointer, holder: Mapping[str, Any]
) -> Iterator[tuple[Pointer, Pointer, Any]]:
    if "schema" not in holder:
        return
    where = (*pointer, "schema")
    if "example" in holder:
        yield where, (*pointer, "example"), holder["example"]
    for name, example in holder.get("examples", {}).items():
        source: Pointer = (*pointer, "examples", name)
        if "$ref" in example:
            source = tuple(part.replace("~1", "/").replace("~0", "~") for part in example["$ref"].split("/")[1:])
            example = yaml_loader.resolve(document, example["$ref"])
        if "value" in example:
            yield where, (*source, "value"), example["value"]
