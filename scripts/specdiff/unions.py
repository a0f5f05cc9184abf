"""Owns the places where a schema became a union or ceased to be one, which the engine tells as a heap of changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from generator.yaml_loader import Pointer

from . import keywords, sources
from .engine import Raw
from .findings import Finding

_KEYWORDS = ("properties", "oneOf", "anyOf", "items")


def gather(
    raws: Iterable[Raw], old: dict[str, Any], new: dict[str, Any]
) -> tuple[list[Raw], list[tuple[Raw, Finding]]]:
    """The differences that stand for themselves, and one finding for each place that was reshaped."""
    kept: list[Raw] = []
    reshaped: dict[Pointer, tuple[Raw, Finding]] = {}
    for raw in raws:
        place = _reshaped_place(raw, old, new)
        if place is None:
            kept.append(raw)
        elif place not in reshaped:
            reshaped[place] = raw, _finding(place, old, new)
    return kept, list(reshaped.values())


def _reshaped_place(raw: Raw, old: dict[str, Any], new: dict[str, Any]) -> Pointer | None:
    """The place whose reshaping explains a difference, or None."""
    if raw.old is not None and raw.new is not None and raw.old[:3] == raw.new[:3] and raw.property != "oneOf":
        same_file_place = raw.old[: len(raw.new)] == raw.new or raw.new[: len(raw.old)] == raw.old
        if not same_file_place:
            return None
    path = raw.path
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
    shown = f"allowed {_told(before)}; now {_told(after)}"
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


def _told(node: dict[str, Any]) -> str:
    for keyword in ("oneOf", "anyOf"):
        if keyword in node:
            return " or ".join(_told(member) for member in node[keyword])
    return str(node.get("$ref", node.get("type", "anything"))).rpartition("/")[2]
