"""Reads what the events of a stream can be from its schema: that of their data, or that of an event with its fields.

In an event with its fields (`event`, `id`, `retry`, `data`), `data` is a string, and JSON where it has a contentSchema.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aurous_mock.contract.document import Document

_FIELDS = frozenset({"event", "id", "retry", "data"})


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of event. name: its `event`, if that is fixed; text: its data, if that is fixed, as in `[DONE]`

    schema: that of its data: of the decoded data, if `is_json`
    """

    name: str | None
    schema: Any
    is_json: bool
    text: str | None = None


def read(document: Document, schema: Any) -> tuple[EventKind, ...]:
    """The kinds of events that a schema describes; those with a fixed text last, since they end the stream."""
    kinds = tuple(_read(document, schema))
    return (*(kind for kind in kinds if kind.text is None), *(kind for kind in kinds if kind.text is not None))


def is_of_data(document: Document, schema: Any) -> bool:
    """Whether a schema is that of the data of events, rather than of events with their fields."""
    target = document.follow("", schema)[1]
    return not any(_has_fields(document, document.follow("", kind)[1]) for kind in (target, *_branches(target)))


def _read(document: Document, schema: Any) -> Iterator[EventKind]:
    target = document.follow("", schema)[1]
    branches = _branches(target)
    if _has_fields(document, target):
        fields = target["properties"]
        name = document.follow("", fields.get("event"))[1]
        yield from _of_data(document, fields["data"], str(name["const"]) if _is_fixed(name) else None)
    elif branches:
        for branch in branches:
            yield from _read(document, branch)
    else:
        yield EventKind(None, schema, is_json=document.types(schema) != {"string"} or "enum" in target)


def _of_data(document: Document, schema: Any, name: str | None) -> Iterator[EventKind]:
    target = document.follow("", schema)[1]
    if _is_fixed(target):
        yield EventKind(name, target, is_json=False, text=str(target["const"]))
    elif isinstance(target, Mapping) and "contentSchema" in target:
        decoded = target["contentSchema"]
        for branch in _branches(document.follow("", decoded)[1]) or [decoded]:
            yield EventKind(name, branch, is_json=True)
    elif branches := _branches(target):
        for branch in branches:
            yield from _of_data(document, branch, name)
    else:
        yield EventKind(name, schema, is_json=False)


def _has_fields(document: Document, schema: Any) -> bool:
    members = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(members, Mapping) or "data" not in members or not members.keys() <= _FIELDS:
        return False
    data = document.follow("", members["data"])[1]
    kinds = [document.follow("", kind)[1] for kind in (data, *_branches(data))]
    has_content = any(isinstance(kind, Mapping) and "contentSchema" in kind for kind in kinds)
    return has_content or ("event" in members and "string" in document.types(data))


def _branches(schema: Any) -> list[Any]:
    return [*schema.get("oneOf", ()), *schema.get("anyOf", ())] if isinstance(schema, Mapping) else []


def _is_fixed(schema: Any) -> bool:
    return isinstance(schema, Mapping) and "const" in schema
