"""Tells whether a part of a spec is used in requests or in responses, and by which operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from generator.schemas import METHODS
from generator.yaml_loader import Pointer

from . import sources


class Side(StrEnum):
    """Who writes what a change is about."""

    REQUEST = "request"
    RESPONSE = "response"
    CALL = "call"  # the operation itself: its existence, name, address, security


@dataclass
class Uses:
    """The operations that use a component, by side."""

    operations: dict[Side, set[str]] = field(default_factory=dict)

    def add(self, side: Side, operation: str) -> None:
        self.operations.setdefault(side, set()).add(operation)


class Usage:
    """The uses of every component of one or more documents."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self._uses: dict[Pointer, Uses] = {}
        for document in documents:
            for label, operation, item in operations(document):
                shared = item.get("parameters", [])
                written = [operation.get("parameters", []), operation.get("requestBody", {}), shared]
                self._reach(document, written, Side.REQUEST, label)
                self._reach(document, operation.get("responses", {}), Side.RESPONSE, label)

    def _reach(self, document: dict[str, Any], node: Any, side: Side, label: str) -> None:
        waiting, visited = [node], set()
        while waiting:
            for reference in references(waiting.pop()):
                target = sources.parse(reference)
                if target not in visited:
                    visited.add(target)
                    self._uses.setdefault(target, Uses()).add(side, label)
                    waiting.append(sources.find(document, target))

    def sides(self, pointer: Pointer) -> dict[Side, set[str]]:
        """On which sides the node at a pointer is seen, with the operations; a part of none has no sides."""
        if pointer[:1] == ("paths",) and len(pointer) > 1:
            label = f"{str(pointer[2]).upper()} {pointer[1]}" if len(pointer) > 2 else str(pointer[1])
            if "responses" in pointer[2:4]:
                return {Side.RESPONSE: {label}}
            if {"parameters", "requestBody"} & set(pointer[2:4]):
                return {Side.REQUEST: {label}}
            return {Side.CALL: {label}}
        if pointer[:1] == ("components",):
            return self._uses.get(pointer[:3], Uses()).operations
        return {Side.CALL: set()}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every operation with its label, such as `GET /v1/models`, and its path item."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                yield f"{method.upper()} {path}", item[method], item


def references(node: Any) -> Iterator[str]:
    """Every local reference in a node, those of discriminators included."""
    if isinstance(node, dict):
        for name, child in node.items():
            if name == "$ref" and isinstance(child, str):
                yield child
            elif name == "mapping" and isinstance(child, dict):
                yield from (value for value in child.values() if isinstance(value, str) and value.startswith("#/"))
            else:
                yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)
