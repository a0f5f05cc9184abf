"""Leaves out the optional members of a body that are null, where the spec says by `default: null` that they mean
nothing."""

from collections.abc import Mapping
from typing import Any

from aurous_mock.contract.document import Document, Schema


def drop_null_members(schema: Schema, value: Any) -> Any:
    """A valid value without the members that are null by default; what the spec does not describe stays as it is."""
    # Few bodies have a null anywhere, and to follow the schema takes long.
    return _drop(schema.document, schema.node, value) if _has_null(value) else value


def _has_null(value: Any) -> bool:
    pending = [value]
    while pending:
        node = pending.pop()
        if node is None:
            return True
        if isinstance(node, dict):
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return False


def _drop(document: Document, schema: Any, value: Any) -> Any:
    if isinstance(value, list):
        items = document.item_schema(schema)
        return [_drop(document, items, item) for item in value] if items else value
    if not isinstance(value, dict):
        return value
    members = document.member_schemas(schema)
    if not members:
        return value
    return {
        name: member if (known := members.get(name)) is None else _drop(document, known, member)
        for name, member in value.items()
        if member is not None or not _is_null_by_default(members.get(name))
    }


def _is_null_by_default(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("default", 0) is None
