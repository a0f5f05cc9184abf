"""Tells whether two specs, or two values of a keyword, say the same in another order, or in another place of a path."""

from __future__ import annotations

import json
from typing import Any

from generator.schemas import METHODS

from . import keywords, sources

# Lists whose order says nothing, in schemas and operations.
_SETS = {"required", "enum", "type", "oneOf", "anyOf", "allOf", "security", "parameters"}


def is_same_value(keyword: str, before: Any, after: Any) -> bool:
    """Whether two values of a keyword of a schema differ in their order alone."""
    if keyword == "type":
        return before is not None and after is not None and keywords.types(before) == keywords.types(after)
    if keyword == "enum" and isinstance(before, list) and isinstance(after, list):
        return _sorted(before) == _sorted(after)
    return False


def is_same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether two documents are the same but for the order of lists, and for parameters that a path states."""
    return bool(_ordered(_spread(old)) == _ordered(_spread(new)))


def parameters(document: dict[str, Any], path: str, method: str) -> dict[tuple[str, str], Any]:
    """The parameters of an operation, those of its path included, by place and name; without references."""
    item = document.get("paths", {}).get(path, {})
    listed = [*item.get("parameters", ()), *item.get(method, {}).get("parameters", ())]
    followed = [sources.follow(document, parameter) for parameter in listed]
    return {(str(each.get("in")), str(each.get("name"))): each for each in followed if isinstance(each, dict)}


def _spread(document: dict[str, Any]) -> dict[str, Any]:
    """The document, in which each operation has the parameters of its path."""
    paths = {}
    for path, item in document.get("paths", {}).items():
        operations = {
            method: {**item[method], "parameters": list(parameters(document, path, method).values())}
            for method in METHODS
            if isinstance(item.get(method), dict)
        }
        others = {name: node for name, node in item.items() if name not in (*METHODS, "parameters")}
        paths[path] = {**others, **operations}
    # Those of an operation are no set: the first one names its module.
    return {**document, "paths": paths, "tags": _sorted(document.get("tags", []))}


def _ordered(node: Any, name: str = "") -> Any:
    if isinstance(node, dict):
        return {key: _ordered(child, key) for key, child in node.items()}
    if isinstance(node, list):
        children = [_ordered(child) for child in node]
        return _sorted(children) if name in _SETS else children
    return node


def _sorted(values: list[Any]) -> list[Any]:
    return sorted(values, key=lambda value: json.dumps(value, sort_keys=True))
