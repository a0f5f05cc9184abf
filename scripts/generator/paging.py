"""Reads `x-paging`, which says how a list goes on, and checks that its responses and parameters have what it names.

x-paging: {items: data, cursor: next_cursor, parameter: starting_after}                       until there is no cursor
x-paging: {items: data, cursor: next_cursor, parameter: starting_after, has_more: has_more}   until that is false

With `backward: ending_before`, the parameter that asks in the other direction, a list that is asked for with it is one
page: the cursor does not lead there, and no request has both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .spec import Pointer, Spec, component_name

EXTENSION = "x-paging"
_JSON = "application/json"
_BACKWARD = "ending_before"


@dataclass(frozen=True, kw_only=True)
class Paging:
    """What `x-paging` says: the members of a page, and the parameters of the query that take a cursor."""

    items: str
    cursor: str
    parameter: str
    has_more: str | None = None
    backward: str | None = None


@dataclass(frozen=True, kw_only=True)
class PageAttributes(Paging):
    """The same in Python, where members are attributes, with the type of an item."""

    item: str


def paging_of(operation: Mapping[str, Any]) -> Paging | None:
    """How the list of an operation goes on; None where it has no pages."""
    declared = operation.get(EXTENSION)
    return None if declared is None else Paging(**declared)


def page_items(spec: Spec) -> dict[str, str]:
    """The member that has the items, by the component of the page."""
    paged = ((operation, paging_of(operation)) for _, operation in spec.operations())
    return {page_component(spec, operation): paging.items for operation, paging in paged if paging is not None}


def check(spec: Spec) -> Iterator[tuple[Pointer, str]]:
    """Pages that lack what their operation says of them, and parameters that are not there."""
    first: dict[str, tuple[str, str]] = {}
    for pointer, operation in spec.operations():
        paging = paging_of(operation)
        if paging is None:
            continue
        where = (*pointer, EXTENSION)
        if pointer[2] != "get":
            yield where, "R17: pages are requested with GET"
        parameters = {(p["in"], p["name"]): p for p in spec.parameters(pointer)}
        for member, name in (("parameter", paging.parameter), ("backward", paging.backward)):
            parameter = parameters.get(("query", name or ""), {})
            if name and (parameter.get("required") or not _is_text(spec, parameter.get("schema"))):
                yield (*where, member), f"R17: {name} is not an optional text in the query"
        if ("query", _BACKWARD) in parameters and paging.backward is None:
            yield where, f"R17: {_BACKWARD} asks in the other direction; say so with backward: {_BACKWARD}"
        component = page_component(spec, operation)
        if not spec.schemas.get(component, {}).get("properties"):
            yield where, "R17: a list with pages has one successful response, an object in JSON"
            continue
        yield from _members(spec, spec.schemas[component], paging, where)
        items, other = first.setdefault(component, (paging.items, str(operation.get("operationId"))))
        if items != paging.items:
            yield (*where, "items"), f"R17: the items of {component} are in {items}, as {other} says"


def _members(spec: Spec, page: Mapping[str, Any], paging: Paging, where: Pointer) -> Iterator[tuple[Pointer, str]]:
    members = page["properties"]
    items = spec.follow(members.get(paging.items))
    if items.get("type") != "array" or paging.items not in page.get("required", ()):
        yield (*where, "items"), f"R17: {paging.items} is not a required member of the page that is an array"
    if not _is_text(spec, members.get(paging.cursor)):
        yield (*where, "cursor"), f"R17: {paging.cursor} is not a member of the page that is a text or null"
    if paging.has_more is not None and spec.follow(members.get(paging.has_more)).get("type") != "boolean":
        yield (*where, "has_more"), f"R17: {paging.has_more} is not a member of the page that is a boolean"


def page_component(spec: Spec, operation: Mapping[str, Any]) -> str:
    """The component of the only success of an operation; empty if there are several, or none in JSON."""
    contents = [response.get("content", {}) for _, response in spec.successes(operation)]
    if len(contents) != 1 or list(contents[0]) != [_JSON]:
        return ""
    return component_name(contents[0][_JSON].get("schema", {}).get("$ref", ""))


def _is_text(spec: Spec, schema: Any) -> bool:
    """Whether every value of a schema but null is a text."""
    schema = spec.follow(schema)
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())] or [schema]
    kinds = [spec.follow(branch).get("type") for branch in branches]
    listed = {each for kind in kinds for each in (kind if isinstance(kind, list) else [kind])}
    return "string" in listed and listed <= {"string", "null"}
