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
    for place in reversed(list(walk(draft.document))):
        if not place.wire_only:
            _allow_anything(place)
            _split_types(place)
            _name_constants(place)


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
    types = schema.get("type")
    listed = types if isinstance(types, list) else [types] if types else []
    is_enum = "enum" in schema or "const" in schema
    if is_enum and None in schema.get("enum", ()):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
        listed = [*(kind for kind in listed if kind != "null"), "null"]
    elif len(listed) == 1 and isinstance(types, list):
        schema["type"] = listed[0]
        return
    kinds = [kind for kind in listed if kind != "null"]
    if len(listed) < 2 and not (is_enum and "null" in listed):
        return
    if set(listed) <= _SCALARS and not (is_enum and "null" in listed):
        return
    branches: list[dict[str, Any]] = []
    foreign = set().union(*_KEYWORDS_OF.values())
    annotations = {keyword: value for keyword, value in schema.items() if keyword in ANNOTATIONS}
    for kind in kinds or [None]:
        allowed = _KEYWORDS_OF.get(kind or "", set())
        branch = {
            keyword: value
            for keyword, value in schema.items()
            if keyword not in ANNOTATIONS and (keyword not in foreign or keyword in allowed)
        }
        branch.pop("type", None)
        branches.append({**({"type": kind} if kind else {}), **branch})
    if "null" in listed:
        branches.append({"type": "null"})
    schema.clear()
    schema.update({**annotations, "anyOf": branches})


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
