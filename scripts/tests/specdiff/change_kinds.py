"""How kinds of changes are written, and the pair of documents in which they all stand; `change_table` has the kinds.

All stand in one pair of documents, each under a path or a component of its own, because a run of Redocly takes a
second or two.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Fragment = dict[str, Any]
TEXT: Fragment = {"type": "string"}
BREAKING, COMPATIBLE, DOCUMENTATION = "breaking", "compatible", "documentation"


@dataclass(frozen=True)
class Kind:
    """One kind of change. `reported` is every (kind, effect) that the diff says of it, and nothing else."""

    name: str
    old: Fragment
    new: Fragment
    reported: frozenset[tuple[str, str]]


def operation(index: int, **parts: Any) -> Fragment:
    return {
        "operationId": f"case{index}",
        "tags": ["cases"],
        "security": [{"key": []}],
        "responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": TEXT}}}},
        **parts,
    }


def document(kinds: list[Kind], pick: Callable[[Kind], Fragment]) -> Fragment:
    """A spec with one side, old or new, of every kind."""
    paths: Fragment = {}
    schemas: Fragment = {}
    parameters: Fragment = {}
    for index, kind in enumerate(kinds):
        fragment = copy.deepcopy(pick(kind))
        parameters |= {f"Case{index}{name}": each for name, each in fragment.pop("components", {}).items()}
        schemas |= {f"Case{index}{name}": schema for name, schema in fragment.pop("schemas", {}).items()}
        item = fragment.pop("item", None)
        if item is None:
            item = {"post": operation(index, **fragment)}
        if item:
            paths[f"/case{index}"] = item
    fragment_of_kind: Fragment = {
        "openapi": "3.1.0",
        "info": {"title": "Cases", "version": "2026-01-01"},
        "servers": [{"url": "https://example.com"}],
        "tags": [{"name": "cases"}, {"name": "others"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": parameters,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    named: Fragment = _named(fragment_of_kind, kinds)
    return named


def _named(node: Any, kinds: list[Kind], prefix: str = "") -> Any:
    """References are written as `#Name`, or `#parameters/Name`, and lead to the kind's own component."""
    if isinstance(node, dict):
        covered = {}
        for name, child in node.items():
            own = f"Case{name.removeprefix('/case')}" if name.startswith("/case") else prefix
            for index in range(len(kinds)):
                if name.startswith(f"Case{index}") and not name[len(f"Case{index}") :][:1].isdigit():
                    own = f"Case{index}"
            if name == "$ref":
                section, _, target = child.removeprefix("#").rpartition("/")
                covered[name] = f"#/components/{section or 'schemas'}/{own}{target}"
            else:
                covered[name] = _named(child, kinds, own)
        return covered
    return [_named(child, kinds, prefix) for child in node] if isinstance(node, list) else node


def owner(pointer: tuple[str | int, ...]) -> int | None:
    """The kind that a part of the documents belongs to."""
    for step in pointer[1:3]:
        if match := re.match(r"/?[Cc]ase(\d+)", str(step)):
            return int(match[1])
    return None


def in_request(schema: Fragment) -> Fragment:
    """A request body of this schema."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def answered(schema: Fragment) -> Fragment:
    """A response of this schema."""
    return {"responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": schema}}}}}


def record(required: tuple[str, ...] = (), /, **members: Fragment) -> Fragment:
    return {"type": "object", "properties": {"id": TEXT, **members}, "required": ["id", *required]}


def parameter(**parts: Any) -> Fragment:
    return {"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}, **parts}]}


def both(
    name: str, wrap: Callable[[Fragment], Fragment], old: Fragment, new: Fragment, *reported: tuple[str, str]
) -> Kind:
    """A member of an object that is asked for or answered, as it was and as it became."""
    return Kind(name, wrap(record(a=old)), wrap(record(a=new)), frozenset(reported))


def kind(name: str, old: Fragment, new: Fragment, *reported: tuple[str, str]) -> Kind:
    return Kind(name, old, new, frozenset(reported))


def event(schema: Fragment) -> Fragment:
    """A stream whose events decode to this schema."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    framed = {"type": "object", "required": ["data"], "properties": {"data": data}}
    return {"responses": {"200": {"description": "Done.", "content": {"text/event-stream": {"schema": framed}}}}}
