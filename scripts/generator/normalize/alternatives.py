"""Rewrites the phrasings of one schema that the parser reads differently from JSON Schema: nullable types, constants,
booleans as schemas, lists of types, arrays of anything.
"""

from __future__ import annotations

from typing import Any

from ..schemas import ANNOTATIONS, Place, walk
from .draft import Draft

_SCALARS = {"string", "integer", "number", "boolean", "null"}
_KEYWORDS_OF = {
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
}


def rewrite(draft: Draft) -> None:
    """Rewrite every schema of the document in place."""
    for place in walk(draft.document):
        _drop_default_nulls(place.keywords)
    for place in reversed(list(walk(draft.document))):
        if not place.wire_only:
            _allow_anything(place)
            _split_types(place)
            _name_constants(place)


def _drop_default_nulls(schema: dict[str, Any]) -> None:
    """An optional member whose default is null loses the null: the client leaves the member out instead."""
    for name, member in schema.get("properties", {}).items():
        if name in schema.get("required", ()) or not isinstance(member, dict) or member.get("default", 0) is not None:
            continue
        member.pop("default")
        for keyword, null in (("type", "null"), ("enum", None)):
            if isinstance(member.get(keyword), list):
                member[keyword] = [value for value in member[keyword] if value != null]
        for keyword in ("anyOf", "oneOf"):
            branches = [branch for branch in member.get(keyword, ()) if branch != {"type": "null"}]
            if len(branches) == 1:
                member.pop(keyword)
                member.update({**branches[0], **member})
            elif branches:
                member[keyword] = branches


def _allow_anything(place: Place) -> None:
    schema = place.keywords
    for name, member in schema.get("properties", {}).items():
        if member is True:
            schema["properties"][name] = {}
    if schema.get("items") is True or (schema.get("type") == "array" and "items" not in schema):
        schema["items"] = {}


def _split_types(place: Place) -> None:
    """A nullable object, array or enum, and a list of types that are not all scalars, become alternatives."""
    schema = place.keywords
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if None in schema.get("enum", ()):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
        kinds = [kind for kind in kinds if kind != "null"] + ["null"]
    is_nullable = "null" in kinds
    is_closed = "enum" in schema or "const" in schema
    are_scalars = len(kinds) < 2 or set(kinds) <= _SCALARS
    if not (is_nullable if is_closed else not are_scalars):
        if len(kinds) == 1:
            schema["type"] = kinds[0]
        return
    annotations = {keyword: value for keyword, value in schema.items() if keyword in ANNOTATIONS}
    branches = [_branch(schema, kind) for kind in kinds if kind != "null"] or [_branch(schema, None)]
    branches += [{"type": "null"}] * is_nullable
    schema.clear()
    schema.update({**annotations, "anyOf": branches})


def _branch(schema: dict[str, Any], kind: str | None) -> dict[str, Any]:
    """What a schema says of one type."""
    foreign = {keyword for other, keywords in _KEYWORDS_OF.items() if other != kind for keyword in keywords}
    remaining = {keyword: schema[keyword] for keyword in schema if keyword not in {"type", *foreign, *ANNOTATIONS}}
    return {"type": kind, **remaining} if kind else remaining


def _name_constants(place: Place) -> None:
    schema = place.keywords
    values = schema.get("enum")
    is_member = len(place.pointer) > 1 and place.pointer[-2] == "properties"
    if values is not None and len(values) == 1 and is_member and not place.is_component:
        schema["const"] = schema.pop("enum")[0]
    if isinstance(schema.get("const"), bool):
        # With a type, the parser forgets which of the two it is.
        schema.pop("type", None)
    elif "const" in schema and schema["const"] is None:
        schema.pop("const")
        schema["type"] = "null"
