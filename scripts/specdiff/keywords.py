"""The direction in which a schema keyword changed: narrower, wider, or neither."""

from __future__ import annotations

import json
from typing import Any

LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}
NOTES = {"description", "title", "summary", "externalDocs", "$comment"}
EXAMPLES = {"example", "examples"}
_NAMED = {"pattern": "pattern", "format": "format", "const": "constant"}
_ANNOTATIONS = {*NOTES, *EXAMPLES, "default", "deprecated", "discriminator"}


def directions(keyword: str, before: Any, after: Any) -> list[str]:
    """How a keyword changed, as the ends of kinds of changes, such as `bound-tightened`. None stands for absent."""
    if keyword in NOTES:
        return ["description-changed"]
    if keyword in EXAMPLES:
        return ["example-changed"]
    if keyword == "type":
        return [f"type-{_of_types(before, after)}"]
    if keyword == "enum":
        return _of_enums(before, after)
    if keyword in LOWER | UPPER or keyword in ("multipleOf", "uniqueItems"):
        return [f"bound-{_of_bounds(keyword, before, after)}"]
    if keyword in _NAMED:
        way = "set" if before is None else "dropped" if after is None else "changed"
        return [f"{_NAMED[keyword]}-{way}"]
    if keyword == "default":
        return ["default-changed"]
    if keyword == "deprecated":
        return ["member-deprecated"]
    if keyword == "additionalProperties":
        return ["closed" if after is False else "opened" if before is False else "type-changed"]
    return []


def _of_types(before: Any, after: Any) -> str:
    old, new = types(before), types(after)
    if old and (not new or old < new):
        return "widened"
    return "narrowed" if new and (not old or new < old) else "changed"


def types(written: Any) -> set[str]:
    """The types allowed; none are named where all are. An integer is a number too."""
    listed: set[str] = {written} if isinstance(written, str) else set(written or ())
    return listed | {"integer"} if "number" in listed else listed


def _of_enums(before: Any, after: Any) -> list[str]:
    if before is None or after is None:
        return ["enum-set" if before is None else "enum-dropped"]
    old, new = ({json.dumps(value) for value in values} for values in (before, after))
    if old - new and new - old:
        return ["enum-value-replaced"]
    return ["enum-value-removed"] if old - new else ["enum-value-added"] if new - old else []


def _of_bounds(keyword: str, before: Any, after: Any) -> str:
    if keyword == "multipleOf" and before is not None and after is not None:
        return "changed"
    if keyword == "uniqueItems":
        return "tightened" if after else "relaxed"
    if before is None or after is None:
        return "tightened" if before is None else "relaxed"
    return "tightened" if (after > before) == (keyword in LOWER) else "relaxed"


def union_of(node: Any) -> str | None:
    """The keyword that makes a schema a union, or None."""
    if not isinstance(node, dict):
        return None
    return next((keyword for keyword in ("oneOf", "anyOf") if isinstance(node.get(keyword), list)), None)


def alternatives(node: Any) -> set[str]:
    """What a schema allows, each alternative in one form; what is no union has one."""
    keyword = union_of(node)
    members: list[Any] = [node] if keyword is None else node[keyword]
    return {canonical(member) for member in members}


def canonical(node: Any) -> str:
    """A schema in one form, without its annotations."""
    if isinstance(node, dict):
        node = {name: child for name, child in node.items() if name not in _ANNOTATIONS}
    return json.dumps(node, sort_keys=True)
