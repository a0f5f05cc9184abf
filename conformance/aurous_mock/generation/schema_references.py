"""Writes the local references of a JSON Schema out; never follows one that points elsewhere."""

from collections.abc import Mapping
from typing import Any

from aurous_mock.generation.schema_narrowing import Budget, NoValue

_DEFINITIONS = ("$defs", "definitions")
_ANNOTATIONS = frozenset({"$comment", "default", "deprecated", "description", "examples", "title"})
_MAPPINGS = ("properties", "patternProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_RECURSIONS = 2
_LONGEST_TRAIL = 100


def unroll(schema: Any) -> Any:
    """`schema` without references; one that keeps recurring becomes `False`, the schema of nothing."""
    return _Unroller(schema).unroll(schema, ())


class _Unroller:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._budget = Budget()

    def unroll(self, node: Any, trail: tuple[str, ...]) -> Any:
        self._budget.spend()
        if not isinstance(node, Mapping):
            return node
        plain = {name: part for name, part in node.items() if name not in _DEFINITIONS}
        target = plain.pop("$ref", None)
        if not isinstance(target, str):
            return self._rebuild(plain, trail)
        if trail.count(target) > _RECURSIONS or len(trail) > _LONGEST_TRAIL:
            return False
        resolved = self.unroll(_resolve(target, self._root), (*trail, target))
        if set(plain) <= _ANNOTATIONS:
            return resolved
        return {"allOf": [resolved, self._rebuild(plain, trail)]}

    def _rebuild(self, node: Mapping[str, Any], trail: tuple[str, ...]) -> dict[str, Any]:
        rebuilt = dict(node)
        for name in _MAPPINGS:
            if isinstance(node.get(name), Mapping):
                rebuilt[name] = {key: self.unroll(part, trail) for key, part in node[name].items()}
        for name in _LISTS:
            if isinstance(node.get(name), list):
                rebuilt[name] = [self.unroll(part, trail) for part in node[name]]
        for name in _SINGLES:
            if name in node:
                rebuilt[name] = self.unroll(node[name], trail)
        return rebuilt


def _resolve(target: str, root: Any) -> Any:
    if not target.startswith("#"):
        raise NoValue(f"$ref {target!r} points outside the schema")
    node = root
    for step in target[1:].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(step)] if isinstance(node, list) else node[step]
        except (LookupError, TypeError, ValueError) as error:
            raise NoValue(f"$ref {target!r} points at nothing") from error
    return node
