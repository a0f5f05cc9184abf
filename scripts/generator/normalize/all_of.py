"""Flattens `allOf`: its parts become one schema, or a plain $ref where they add nothing to it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ..schemas import ANNOTATIONS, walk
from ..yaml_loader import Pointer, resolve
from .draft import Draft

_LARGEST = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_SMALLEST = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


def flatten(draft: Draft) -> None:
    """Replace every `allOf` by the schema that it describes."""
    for place in reversed(list(walk(draft.document))):
        if "allOf" in place.keywords and not place.wire_only:
            _flatten(draft, place.pointer, place.keywords, ())


def _flatten(draft: Draft, pointer: Pointer, schema: dict[str, Any], above: tuple[int, ...]) -> None:
    if id(schema) in above:
        draft.fault((*pointer, "allOf"), "R13: allOf leads back to itself")
        schema.pop("allOf", None)
        return
    parts = schema.get("allOf")
    if parts is None:
        return
    own = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    if len(parts) == 1 and "$ref" in parts[0] and set(own) <= ANNOTATIONS and set(parts[0]) <= {"$ref", *ANNOTATIONS}:
        annotations = {keyword: value for keyword, value in parts[0].items() if keyword != "$ref"}
        schema.clear()
        schema.update({"$ref": parts[0]["$ref"], **annotations, **own})
        return
    merged: dict[str, Any] = {}
    for index, part in enumerate(parts):
        where = (*pointer, "allOf", index)
        for source, content in _resolved(draft, where, part, (*above, id(schema))):
            _merge(draft, pointer, merged, source, content)
    _merge(draft, pointer, merged, pointer, own)
    schema.clear()
    schema.update(merged)


def _resolved(
    draft: Draft, pointer: Pointer, part: Any, above: tuple[int, ...]
) -> list[tuple[Pointer, Mapping[str, Any]]]:
    """A part without references: what it refers to, then what it adds."""
    if not isinstance(part, dict):
        draft.fault(pointer, "R12: a boolean is no schema here; use {}")
        return []
    if "$ref" not in part:
        _flatten(draft, pointer, part, above)
        return [(pointer, part)]
    target_pointer: Pointer = tuple(
        step.replace("~1", "/").replace("~0", "~") for step in str(part["$ref"]).split("/")[1:]
    )
    target = resolve(draft.document, part["$ref"])
    if not isinstance(target, dict):
        draft.fault(pointer, "R12: a boolean is no schema here; use {}")
        return []
    _flatten(draft, target_pointer, target, above)
    # The tag that tells the alternatives of a base apart says nothing about one of them.
    inherited = [
        (where, {keyword: value for keyword, value in content.items() if keyword != "discriminator"})
        for where, content in (
            _resolved(draft, target_pointer, target, above) if "$ref" in target else [(target_pointer, target)]
        )
    ]
    return [*inherited, (pointer, {keyword: value for keyword, value in part.items() if keyword != "$ref"})]


def _merge(draft: Draft, pointer: Pointer, merged: dict[str, Any], source: Pointer, other: Mapping[str, Any]) -> None:
    """Add the keywords of a part to the schema at `pointer`."""
    for keyword, value in other.items():
        if keyword == "properties":
            _merge_properties(draft, pointer, merged.setdefault("properties", {}), source, value)
        elif keyword not in merged:
            merged[keyword] = deepcopy(value)
            draft.sources.move((*pointer, keyword), (*source, keyword))
        elif keyword == "required":
            merged[keyword] = list(dict.fromkeys([*merged[keyword], *value]))
        elif keyword in ANNOTATIONS:
            merged[keyword] = deepcopy(value)
        elif keyword in _LARGEST:
            merged[keyword] = max(merged[keyword], value)
        elif keyword in _SMALLEST:
            merged[keyword] = min(merged[keyword], value)
        elif keyword in ("type", "enum") and (common := _common(merged[keyword], value)):
            merged[keyword] = common[0] if keyword == "type" and len(common) == 1 else common
        elif keyword == "additionalProperties" and True in (merged[keyword], value):
            merged[keyword] = deepcopy(value) if merged[keyword] is True else merged[keyword]
        elif merged[keyword] != value:
            draft.fault((*source, keyword), f"R13: the parts of allOf disagree on {keyword}")


def _merge_properties(
    draft: Draft, pointer: Pointer, merged: dict[str, Any], source: Pointer, properties: Mapping[str, Any]
) -> None:
    for name, schema in properties.items():
        where, origin = (*pointer, "properties", name), (*source, "properties", name)
        if name not in merged:
            merged[name] = deepcopy(schema)
            draft.sources.move(where, origin)
        elif merged[name] != schema:
            both = {"allOf": [merged[name], deepcopy(schema)]}
            draft.sources.move((*where, "allOf", 1), origin)
            _flatten(draft, where, both, ())
            merged[name] = both


def _common(one: Any, other: Any) -> list[Any]:
    """What both lists have; a type that stands alone is a list of one."""
    first, second = (value if isinstance(value, list) else [value] for value in (one, other))
    return [value for value in first if value in second or (value == "integer" and "number" in second)] or [
        value for value in second if value == "integer" and "number" in first
    ]
