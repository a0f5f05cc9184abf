"""Finds schemas that became a union or ceased to be one, which Redocly reports as many changes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from generator.yaml_loader import Pointer

from . import keywords, sources
from .findings import Finding
from .redocly import Difference

_KEYWORDS = ("properties", "oneOf", "anyOf", "items")


def extract(
    differences: Iterable[Difference], old: dict[str, Any], new: dict[str, Any]
) -> tuple[list[Difference], list[tuple[Difference, Finding]]]:
    """The differences that stand for themselves, and one finding for each place that was union_changes."""
    remaining: list[Difference] = []
    union_changes: dict[Pointer, tuple[Difference, Finding]] = {}
    for diff in differences:
        place = _union_place(diff, old, new)
        if place is None:
            remaining.append(diff)
        elif place not in union_changes:
            union_changes[place] = diff, _finding(place, old, new)
    return remaining, list(union_changes.values())


def apply(changes: Iterable[tuple[Difference, Finding]], old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The old document with these changes made, as far as it has the components that they refer to."""
    document = copy.deepcopy(old)
    for _, finding in changes:
        if finding.old is None or finding.new is None:
            continue
        node = sources.find(new, finding.new)
        parent = sources.find(document, finding.old[:-1])
        if isinstance(parent, dict) and all(
            sources.find(old, reference) is not None for reference in _references(node)
        ):
            parent[finding.old[-1]] = copy.deepcopy(node)
    return document


def _references(node: Any) -> Iterator[Pointer]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield sources.parse(node["$ref"])
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def _union_place(diff: Difference, old: dict[str, Any], new: dict[str, Any]) -> Pointer | None:
    """The place whose reshaping explains a diff, or None."""
    if diff.old is not None and diff.new is not None and diff.old[:3] == diff.new[:3] and diff.property != "oneOf":
        same_file_place = diff.old[: len(diff.new)] == diff.new or diff.new[: len(diff.old)] == diff.old
        if not same_file_place:
            return None
    path = diff.path
    for place in (path, path[:-1], path[:-2]):
        if path[len(place) : len(place) + 1] and path[len(place)] not in _KEYWORDS:
            continue
        before, after = _node(old, place)[0], _node(new, place)[0]
        if not isinstance(before, dict) or not isinstance(after, dict):
            continue
        if keywords.union_of(before) != keywords.union_of(after):
            return place
    return None


def _finding(place: Pointer, old: dict[str, Any], new: dict[str, Any]) -> Finding:
    (before, old_at), (after, new_at) = _node(old, place), _node(new, place)
    was, now = keywords.alternatives(before), keywords.alternatives(after)
    if was == now:
        return Finding("rephrased", False, "says the same in another form", old_at, new_at)
    turn = "widened" if was < now else "narrowed" if now < was else "changed"
    shown = f"allowed {_alternatives(before)}; now {_alternatives(after)}"
    return Finding(f"type-{turn}", True, shown, old_at, new_at)


def _node(document: dict[str, Any], path: Pointer) -> tuple[Any, Pointer]:
    """What stands at the end of a path of uses, its own reference not followed, and where it stands."""
    node: Any = document
    at: Pointer = ()
    for step in path:
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            at = sources.parse(node["$ref"])
            node = sources.find(document, at)
        node, at = sources.find(node, (step,)), (*at, step)
        if isinstance(node, str) and node.startswith("#/"):
            node = {"$ref": node}
    return node, at


def _alternatives(node: dict[str, Any]) -> str:
    for keyword in ("oneOf", "anyOf"):
        if keyword in node:
            return " or ".join(_alternatives(member) for member in node[keyword])
    return str(node.get("$ref", node.get("type", "anything"))).rpartition("/")[2]
