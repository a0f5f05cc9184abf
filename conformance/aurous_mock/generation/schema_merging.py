"""Merges JSON Schemas: one schema that allows what all of them allow, without references and `allOf`.

A merged schema is a plain dict of keywords. The alternatives of `anyOf` and `oneOf` are collected under `UNIONS`, for
the caller to choose from. `not`, `contains` and the like are kept as they are: whoever makes a value validates it.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

UNIONS: Final = "\0unions"
"""The keyword of a merged schema that holds lists of alternatives; one of each list has to be chosen."""

_MOST_SCHEMAS: Final = 20_000
_RECURSIONS: Final = 2
_DEEPEST: Final = 100
_ANNOTATIONS: Final = frozenset({"$defs", "definitions", "$comment", "default", "deprecated", "description", "title"})
_GREATER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"})
_SMALLER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


class Unsatisfiable(Exception):  # noqa: N818 - a property of the schema, not a failure of the program
    """The schema is invalid, points outside itself, or allows no value that could be made."""


class TooLarge(Unsatisfiable):
    """Its values are larger than this server is willing to make, whichever alternative is chosen."""


class Merger:
    """Merges the parts of one schema. Bounded: a short schema can stand for an immense one."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _MOST_SCHEMAS

    def spend(self, count: int = 1) -> None:
        """Count schemas that are visited. Raises TooLarge when they are too many."""
        self._left -= count
        if self._left < 0:
            raise TooLarge("it asks for more members than this server is willing to make")

    def merge(self, nodes: Iterable[Any], trail: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The schema that allows what all `nodes` allow, and the references that led to it.

        trail: the references that led to `nodes`
        """
        merged: dict[str, Any] = {}
        pending = list(nodes)
        while pending:
            self.spend()
            node = pending.pop(0)
            if node is True:
                continue
            if not isinstance(node, Mapping):
                raise Unsatisfiable("one of its schemas allows nothing")
            if isinstance(node.get("$ref"), str):
                target = node["$ref"]
                if trail.count(target) > _RECURSIONS or len(trail) > _DEEPEST:
                    raise Unsatisfiable(f"$ref {target!r} recurs without an end")
                trail = (*trail, target)
                pending.insert(0, _resolve(target, self._root))
            pending[:0] = node.get("allOf") or ()
            _add(merged, node)
        return merged, trail


def _add(merged: dict[str, Any], node: Mapping[str, Any]) -> None:
    _restrict_undeclared(merged, node)
    for name, value in node.items():
        if name in ("$ref", "allOf") or name in _ANNOTATIONS:
            continue
        if name in ("anyOf", "oneOf"):
            merged[UNIONS] = [*merged.get(UNIONS, ()), value]
        elif name == "if":
            merged[UNIONS] = [*merged.get(UNIONS, ()), _branches_of_condition(node)]
        elif name == "const":
            merged["enum"] = _common(merged.get("enum"), [value])
        elif name not in merged:
            merged[name] = value
        else:
            merged[name] = _combine(name, merged[name], value)


def _branches_of_condition(node: Mapping[str, Any]) -> list[Any]:
    """What `if` amounts to. That its second alternative does not fulfil the condition is for the validation to see."""
    return [{"allOf": [node["if"], node.get("then", True)]}, node.get("else", True)]


def _restrict_undeclared(merged: dict[str, Any], node: Mapping[str, Any]) -> None:
    """Hold the properties that only one side declares to the `additionalProperties` of the other."""
    for one, other in ((merged, node), (node, merged)):
        rest = one.get("additionalProperties", True)
        if rest is True or one.get("patternProperties"):
            continue
        for name, part in (other.get("properties") or {}).items():
            if name not in (one.get("properties") or {}):
                merged["properties"] = {**(merged.get("properties") or {}), name: {"allOf": [part, rest]}}


def _combine(name: str, one: Any, other: Any) -> Any:
    if name in _GREATER:
        return max(one, other)
    if name in _SMALLER:
        return min(one, other)
    match name:
        case "type":
            return _common_types(one, other)
        case "enum":
            return _common(one, other)
        case "required":
            return [*one, *(each for each in other if each not in one)]
        case "multipleOf" if {type(one), type(other)} == {int}:
            return math.lcm(one, other)
        case "properties" | "patternProperties" | "dependentSchemas":
            both = {key: {"allOf": [one[key], other[key]]} for key in one if key in other}
            return {**one, **other, **both}
        case "items" | "additionalProperties" | "propertyNames" | "contains":
            return {"allOf": [one, other]}
        case "uniqueItems":
            return one or other
        case _:
            # One of them is enough to make a value; the validation sees whether it fits the other.
            return one


def _common(one: list[Any] | None, other: list[Any]) -> list[Any]:
    return other if one is None else [each for each in one if each in other]


def _common_types(one: str | list[str], other: str | list[str]) -> list[str]:
    first, second = ([each] if isinstance(each, str) else each for each in (one, other))
    common = [each for each in first if each in second or (each == "integer" and "number" in second)]
    return common + ["integer" for each in first if each == "number" and "integer" in second and "number" not in second]


def _resolve(target: str, root: Any) -> Any:
    if not target.startswith("#"):
        raise Unsatisfiable(f"$ref {target!r} points outside the schema")
    node = root
    for step in target[1:].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(step)] if isinstance(node, list) else node[step]
        except (LookupError, TypeError, ValueError) as error:
            raise Unsatisfiable(f"$ref {target!r} points at nothing") from error
    return node
