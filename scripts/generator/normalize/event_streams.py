"""Notes what the stream of an operation consists of, and makes a component of each of its events.

The schema of `text/event-stream` is that of the data of an event, or of the event itself, an object of `event`, `id`,
`retry` and `data`; there `data` is a string whose `contentSchema` is the schema of what it decodes to. That of JSON
lines is the schema of a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..yaml_loader import Pointer
from .draft import Draft, Events, class_name
from .media_types import EVENTS, essence, is_stream

EXTENSION: Final = "x-sdk-stream"
_FIELDS: Final = {"event", "id", "retry", "data"}


def sort_streams(draft: Draft) -> None:
    """Take the streams out of the successes that have other forms too; where they are the only one, they stay."""
    for pointer, operation in draft.operations():
        responses = operation.get("responses", {})
        media_types: dict[str, Any] = {}
        for status in [status for status in responses if str(status).startswith("2")]:
            where = (*pointer, "responses", status)
            response = draft.inline(responses, status, where[:-1])
            _sort_stream(draft, pointer, where, operation, response, media_types)


def streams_only(contents: Mapping[str, Any]) -> bool:
    """Whether every form of a success is a stream."""
    return bool(contents) and all(map(is_stream, contents))


def _sort_stream(
    draft: Draft,
    operation: Pointer,
    where: Pointer,
    described: Mapping[str, Any],
    response: dict[str, Any],
    media_types: dict[str, Any],
) -> None:
    """media_types: the media types of the operation's successes so far, of streams, with what each has"""
    content = response.get("content", {})
    for media_type in [media_type for media_type in content if is_stream(media_type)]:
        place = (*where, "content", media_type)
        known = media_types.get(media_type)
        media_types.setdefault(media_type, content[media_type])
        if operation in draft.events and known is not None and known.get("schema") == content[media_type].get("schema"):
            # The same stream of another success.
            content.pop(media_type)
            continue
        if operation in draft.events:
            draft.fault(place, "R2: an operation has one stream; describe the other by an operation of its own")
            continue
        if described.get(EXTENSION) == "custom":
            draft.events[operation] = _custom(draft, media_type, content[media_type], place)
            continue
        kind = "event" if essence(media_type) == EVENTS else "item"
        events = _events(draft, place, content[media_type], class_name(described.get("operationId", ""), kind))
        if events is not None:
            draft.events[operation] = events
            draft.payloads += [] if events.component is None else [events.component]
        if not streams_only(content):
            content.pop(media_type)


def _custom(draft: Draft, media_type: str, media: Mapping[str, Any], place: Pointer) -> Events:
    data = _Data(draft)
    data.read((*place, "schema"), media.get("schema", {}))
    component = next(_references(media.get("schema", {})), None)
    terminator = next(iter(data.terminators), None)
    return Events(essence(media_type), "json", component, terminator, place, is_custom=True)


def _references(schema: Any, *, inside: bool = False) -> Iterator[str]:
    """The components that the contentSchemas of an event refer to."""
    children = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    for key, child in children:
        if inside and key == "$ref":
            yield str(child).rsplit("/", 1)[-1]
        yield from _references(child, inside=inside or key == "contentSchema")


def _events(draft: Draft, place: Pointer, media: Mapping[str, Any], name: str) -> Events | None:
    media_type = essence(str(place[-1]))
    if not media.get("schema"):
        draft.fault(place, f"R2: {media_type} needs a schema, or nothing is parsed")
        return None
    data = _Data(draft)
    if media_type == EVENTS:
        data.read((*place, "schema"), media["schema"])
    else:
        data.schemas.append(((*place, "schema"), media["schema"]))
    if data.fault is not None:
        draft.fault(*data.fault)
        return None
    if data.is_text and data.schemas:
        draft.fault(place, "R2: the data of an event is text in some events, and JSON in others")
        return None
    terminator = data.terminators[0] if data.terminators else None
    if len(set(data.terminators)) > 1:
        draft.fault(place, f"R2: a stream has one last event, and not {' and '.join(map(repr, data.terminators))}")
    if not data.schemas:
        return Events(media_type, "text", None, terminator, place)
    return Events(media_type, "json", _component(draft, data.schemas, name), terminator, place)


class _Data:
    """What the data of a stream's events can be."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.schemas: list[tuple[Pointer, Any]] = []
        self.terminators: list[str] = []
        self.is_text = False
        self.fault: tuple[Pointer, str] | None = None

    def read(self, pointer: Pointer, schema: Any) -> None:
        """Take in the schema of an event, or of the data of one."""
        target = self._draft.follow(schema)
        members = target.get("properties", {}) if isinstance(target, dict) else {}
        branches = [(key, index) for key in ("oneOf", "anyOf") for index in range(len(target.get(key, ())))]
        if branches and any(_is_frame(self._draft, target[key][index]) for key, index in branches):
            for key, index in branches:
                self.read((*pointer, key, index), target[key][index])
        elif _is_frame(self._draft, schema):
            self._read_data((*pointer, "properties", "data"), members["data"])
        elif "data" in members and "event" in members and set(members) <= _FIELDS:
            text = "R2: say whether these are the fields of an event: its data is then a string with a contentSchema"
            self.fault = (pointer, text)
        elif isinstance(target, dict) and target.get("type") == "string" and "enum" not in target:
            self.is_text = True
        else:
            self.schemas.append((pointer, schema))

    def _read_data(self, pointer: Pointer, schema: Any) -> None:
        schema = self._draft.follow(schema)
        if "const" in schema:
            self.terminators.append(str(schema["const"]))
        elif "contentSchema" in schema:
            self.schemas.append(((*pointer, "contentSchema"), schema["contentSchema"]))
        elif schema.get("oneOf") or schema.get("anyOf"):
            for key in ("oneOf", "anyOf"):
                for index, branch in enumerate(schema.get(key, ())):
                    self._read_data((*pointer, key, index), branch)
        else:
            self.is_text = True


def _is_frame(draft: Draft, schema: Any) -> bool:
    """Whether a schema is that of an event with its fields, whose data is a string."""
    target = draft.follow(schema)
    members = target.get("properties", {}) if isinstance(target, dict) else {}
    data = draft.follow(members.get("data"))
    if not isinstance(data, dict) or not set(members) <= _FIELDS:
        return False
    kinds = [data, *map(draft.follow, [*data.get("oneOf", ()), *data.get("anyOf", ())])]
    has_content = any("contentSchema" in kind for kind in kinds)
    return has_content or ("event" in members and any(kind.get("type") == "string" for kind in kinds))


def _component(draft: Draft, schemas: list[tuple[Pointer, Any]], name: str) -> str:
    """The component that is one of these schemas: the one they refer to, or a new one."""
    distinct = [pair for index, pair in enumerate(schemas) if pair[1] not in [other for _, other in schemas[:index]]]
    pointer, schema = distinct[0]
    if len(distinct) == 1 and isinstance(schema, dict) and "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    components = draft.components("schemas")
    free, number = name, 2
    while free in components:
        free, number = f"{name}{number}", number + 1
    where: Pointer = ("components", "schemas", free)
    components[free] = schema if len(distinct) == 1 else {"anyOf": [each for _, each in distinct]}
    draft.sources.move(where, pointer)
    for index, (source, _) in enumerate(distinct if len(distinct) > 1 else ()):
        draft.sources.move((*where, "anyOf", index), source)
    return free
