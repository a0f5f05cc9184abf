"""Every rename that a spec allows, each made in a copy of the API of its own, so that one run of Redocly sees many.

The copies stand in one pair of documents: the paths and components of each have a prefix of their own.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Pointer = tuple[Any, ...]
METHODS = ("get", "put", "post", "delete", "patch")
REQUEST, RESPONSE, CALL = "request", "response", "call"
_OWNER = re.compile(r"Copy(\d+)x|/copy(\d+)/")


@dataclass(frozen=True)
class Rename:
    """A name of the spec that changes.

    at:    the key, the item or the value in the spec
    sides: who is to be warned: those who write requests, read responses, or make the call
    """

    kind: str
    at: Pointer
    sides: frozenset[str]

    @property
    def id(self) -> str:
        return f"{self.kind} {'/'.join(map(str, self.at))}"


def find(document: Document) -> list[Rename]:
    """Every rename in a spec."""
    return [*_calls(document), *_components(document), *_schemas(document)]


def pair(document: Document, renames: list[Rename]) -> tuple[Document, Document]:
    """The spec before and after, with a copy for each rename of the part of the API that leads to it."""
    old, new = _empty(document), _empty(document)
    uses = _uses(document)
    for number, rename in enumerate(renames):
        part = _part(document, rename, uses)
        _add_copy(old, part, number)
        changed = copy.deepcopy(part)
        _apply(changed, rename)
        _add_copy(new, changed, number)
    return old, new


def _uses(document: Document) -> dict[Pointer, set[Pointer]]:
    """The components that each path and each component leads to, itself included."""
    nodes: dict[Pointer, Any] = {("paths", path): item for path, item in document["paths"].items()}
    nodes |= {
        ("components", kind, name): node
        for kind, members in document["components"].items()
        for name, node in members.items()
    }
    direct: dict[Pointer, set[Pointer]] = {
        at: {
            tuple(str(child["$ref"]).split("/")[1:])
            for _, child in _walk(node)
            if isinstance(child, dict) and isinstance(child.get("$ref"), str)
        }
        for at, node in nodes.items()
    }

    def reached(start: Pointer) -> set[Pointer]:
        visited, waiting = {start}, [start]
        while waiting:
            new = direct[waiting.pop()] - visited
            visited |= new
            waiting += new
        return visited

    return {at: reached(at) for at in nodes}


def _part(document: Document, rename: Rename, uses: dict[Pointer, set[Pointer]]) -> Document:
    """The paths that lead to what is renamed, and the components that these use. Redocly compares that in half the
    time of the whole.
    """
    if rename.at[0] == "paths":
        paths = [rename.at[1]]
        used = uses["paths", rename.at[1]]
    else:
        target = rename.at[:3]
        paths = [path for path in document["paths"] if target in uses["paths", path]]
        used = uses[target].union(*(uses["paths", path] for path in paths))
    components = {
        kind: members
        if kind == "securitySchemes" or kind.startswith("x-")
        else {name: node for name, node in members.items() if ("components", kind, name) in used}
        for kind, members in document["components"].items()
    }
    return {**document, "paths": {path: document["paths"][path] for path in paths}, "components": components}


def owner(pointer: Pointer) -> int | None:
    """The number of the copy that a pointer leads into."""
    visited = [int(first or second) for first, second in _OWNER.findall("/".join(map(str, pointer)) + "/")]
    return visited[0] if visited else None


def _calls(document: Document) -> Iterator[Rename]:
    for path, item in document["paths"].items():
        yield Rename("path", ("paths", path), frozenset({CALL}))
        for method in (name for name in METHODS if name in item):
            at = ("paths", path, method)
            yield Rename("method", at, frozenset({CALL}))
            yield Rename("operation", (*at, "operationId"), frozenset({CALL}))
            for status in item[method]["responses"]:
                yield Rename("status", (*at, "responses", status), frozenset({RESPONSE}))
            for index, parameter in enumerate(item[method].get("parameters", ())):
                if "name" in parameter:
                    yield Rename("parameter", (*at, "parameters", index, "name"), frozenset({REQUEST}))
            for status, response in item[method]["responses"].items():
                for header in response.get("headers", ()):
                    yield Rename("header", (*at, "responses", status, "headers", header), frozenset({RESPONSE}))
                for media_type in response.get("content", ()):
                    yield Rename("media type", (*at, "responses", status, "content", media_type), frozenset({RESPONSE}))


def _components(document: Document) -> Iterator[Rename]:
    components = document["components"]
    for name, parameter in components.get("parameters", {}).items():
        if parameter["in"] != "path":
            yield Rename("parameter", ("components", "parameters", name, "name"), frozenset({REQUEST}))
    for kind in ("parameters", "headers", "responses"):
        for name in components.get(kind, ()):
            # The client has no name for these, so nobody is to be warned.
            yield Rename("unnamed component", ("components", kind, name), frozenset())


def _schemas(document: Document) -> Iterator[Rename]:
    sides = _sides(document)
    for name, schema in document["components"]["schemas"].items():
        # What nothing uses has a class all the same.
        used = frozenset(sides.get(name) or {RESPONSE})
        yield Rename("model", ("components", "schemas", name), used)
        for at, node in _walk(schema, ("components", "schemas", name)):
            if at[-1:] == ("properties",) and isinstance(node, dict):
                yield from (Rename("member", (*at, member), used) for member in node)
            elif at[-1:] == ("enum",) and isinstance(node, list):
                yield from (Rename("value", (*at, index), used) for index in range(len(node)))
            elif at[-1:] == ("const",) and isinstance(node, str):
                yield Rename("constant", at, used)


def _sides(document: Document) -> dict[str, set[str]]:
    """Who writes and who reads each model."""
    sides: dict[str, set[str]] = {}

    def reach(node: Any, side: str) -> None:
        for _, child in _walk(node):
            reference = child.get("$ref") if isinstance(child, dict) else None
            if not isinstance(reference, str):
                continue
            *_, kind, name = reference.split("/")
            known = sides.setdefault(name if kind == "schemas" else f"{kind}/{name}", set())
            if side not in known:
                known.add(side)
                reach(document["components"][kind][name], side)

    for item in document["paths"].values():
        reach(item.get("parameters", []), REQUEST)
        for method in (name for name in METHODS if name in item):
            reach([item[method].get("parameters"), item[method].get("requestBody")], REQUEST)
            reach(item[method]["responses"], RESPONSE)
    return sides


def _walk(node: Any, at: Pointer = ()) -> Iterator[tuple[Pointer, Any]]:
    yield at, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in children:
        if step not in ("example", "examples", "default"):
            yield from _walk(child, (*at, step))


def _apply(document: Document, rename: Rename) -> None:
    *steps, last = rename.at
    holder: Any = document
    for step in steps:
        holder = holder[step]
    new = _new_name(rename, holder, last)
    if rename.kind in ("value", "constant", "parameter", "operation"):
        holder[last] = new
        if rename.kind == "constant":
            holder.pop("default", None)
        return
    items = [(new if name == last else name, node) for name, node in holder.items()]
    holder.clear()
    holder.update(items)
    if rename.kind == "member":
        owner: Any = document
        for step in steps[:-1]:
            owner = owner[step]
        if last in owner.get("required", ()):
            owner["required"] = [new if name == last else name for name in owner["required"]]
    elif rename.at[0] == "components":
        _refer(document, f"#/components/{rename.at[1]}/{last}", f"#/components/{rename.at[1]}/{new}")


def _new_name(rename: Rename, holder: Any, last: Any) -> Any:
    if rename.kind == "status":
        return next(status for status in (f"{str(last)[0]}{end}" for end in range(21, 99)) if status not in holder)
    if rename.kind == "method":
        return next(method for method in METHODS if method not in holder)
    if rename.kind == "media type":
        return f"{last}-renamed"
    if rename.kind == "path":
        return f"{last}/renamed"
    return f"renamed_{holder[last] if rename.kind in ('value', 'constant', 'parameter', 'operation') else last}"


def _refer(node: Any, old: str, new: str) -> None:
    for _, child in _walk(node):
        pairs = child.items() if isinstance(child, dict) else enumerate(child) if isinstance(child, list) else ()
        for key, value in list(pairs):
            if value == old:
                child[key] = new


def _empty(document: Document) -> Document:
    components = {kind: {} for kind in document["components"] if not kind.startswith("x-")}
    components["securitySchemes"] = document["components"]["securitySchemes"]
    return {**{name: document[name] for name in ("openapi", "info", "servers")}, "paths": {}, "components": components}


def _add_copy(target: Document, document: Document, number: int) -> None:
    mine = copy.deepcopy({"paths": document["paths"], "components": document["components"]})
    for item in mine["paths"].values():
        for method in (name for name in METHODS if name in item):
            for response in item[method]["responses"].values():
                # Their values are not renamed with the rest.
                response.pop("links", None)
                for media in response.get("content", {}).values():
                    media.pop("examples", None)
    for _, node in _walk(mine):
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(value, str) and value.startswith("#/components/"):
                    head, _, name = value.rpartition("/")
                    node[key] = f"{head}/Copy{number}x{name}"
    for path, item in mine["paths"].items():
        for method in (name for name in METHODS if name in item):
            item[method]["operationId"] += f"Copy{number}x"
            item[method].pop("x-errors", None)
        target["paths"][f"/copy{number}{path}"] = item
    for kind, components in mine["components"].items():
        if kind in target["components"] and kind != "securitySchemes":
            target["components"][kind] |= {f"Copy{number}x{name}": node for name, node in components.items()}
