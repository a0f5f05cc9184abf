"""Finds the members and values that a new spec calls by another name, whether it says so or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.schemas import ANNOTATIONS
from specdiff.changes import Report

MEMBER, VALUES = "x-renamed-from", "x-renamed-values"


def declared(report: Report) -> set[str]:
    """The earlier names of all that the new spec says has another one."""
    schemas = _schemas(report.new.document).values()
    members = (member for schema in schemas for member in _members(schema).values())
    earlier = {str(member[MEMBER]) for member in members if MEMBER in member}
    return earlier.union(*(map(str, schema.get(VALUES, {}).values()) for schema in schemas if isinstance(schema, dict)))


def new_names(report: Report) -> set[str]:
    """The members that the new spec says had another name, as `Model.name`."""
    return {
        f"{model}.{name}"
        for model, schema in _schemas(report.new.document).items()
        for name, member in _members(schema).items()
        if MEMBER in member
    }


def undeclared(report: Report) -> Iterator[tuple[str, str, str]]:
    """The model, the earlier name and the new name of each member that looks renamed, and is not declared so.

    It is gone, and one that the earlier spec lacks has the same schema. Of several such, none is named.
    """
    after = _schemas(report.new.document)
    for model, schema in _schemas(report.old.document).items():
        before, now = _members(schema), _members(after.get(model))
        added = {name: member for name, member in now.items() if name not in before and MEMBER not in member}
        for name in (name for name in before if name not in now):
            alike = [new for new, member in added.items() if _shape(member) == _shape(before[name])]
            if len(alike) == 1:
                yield model, name, alike[0]


def _schemas(document: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = document.get("components", {}).get("schemas", {})
    return schemas


def _members(schema: Any) -> dict[str, dict[str, Any]]:
    members = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return {name: member for name, member in members.items() if isinstance(member, dict)}


def _shape(member: dict[str, Any]) -> dict[str, Any]:
    """A schema without its annotations, which a rename may reword, and without null, which counts as left out."""
    shape = {
        keyword: value
        for keyword, value in member.items()
        if keyword not in ANNOTATIONS and not keyword.startswith("x-")
    }
    types = shape.get("type")
    return {**shape, "type": sorted({*types} - {"null"})} if isinstance(types, list) else {**shape, "type": [types]}
