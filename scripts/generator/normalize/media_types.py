"""Sorts out the media types of bodies and successes: in the normalized document each has one JSON schema at most."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ..yaml_loader import Pointer
from .draft import Answer, Body, BodyFormat, Draft, Format

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
_JSON_LINES = {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
_TEXTS = {"application/xml", "application/yaml", "application/x-yaml", "application/javascript"}
_FORMS: Mapping[str, BodyFormat] = {
    "multipart/form-data": "multipart",
    "application/x-www-form-urlencoded": "form",
}
_BODY_FORMATS: Mapping[Format, BodyFormat] = {"json": "json", "text": "text", "bytes": "bytes"}
_FILE = {"type": "string", "format": "binary"}
_ENCODING = (
    "R13: encoding has no counterpart in the generated client; leave it out: a file has the media type that its name "
    "stands for, an object is JSON, and all else is text"
)


def essence(media_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def format_of(media_type: str) -> Format:
    """How a body of this media type is decoded."""
    kind = essence(media_type)
    if kind in (JSON, "text/json") or kind.endswith("+json"):
        return "json"
    if kind in _JSON_LINES:
        return "json_lines"
    return "text" if kind.startswith("text/") or kind in _TEXTS or kind.endswith("+xml") else "bytes"


def is_stream(media_type: str) -> bool:
    """Whether a body of this media type is a row of items, each of which is complete by itself."""
    return essence(media_type) == EVENTS or format_of(media_type) == "json_lines"


def sort_bodies(draft: Draft) -> None:
    """Note how each operation's body is encoded, and leave its schema under application/json."""
    for pointer, operation in draft.operations():
        if "requestBody" in operation:
            body = draft.inline(operation, "requestBody", pointer)
            _sort_body(draft, (*pointer, "requestBody"), pointer, body)
    draft.document.get("components", {}).pop("requestBodies", None)


def _sort_body(draft: Draft, where: Pointer, operation: Pointer, body: dict[str, Any]) -> None:
    content = body["content"]
    if len(content) != 1:
        draft.fault((*where, "content"), "R13: a body of several media types; keep the one that the client is to send")
        return
    media_type, media = next(iter(content.items()))
    place = (*where, "content", media_type)
    body_format = _FORMS.get(essence(media_type)) or _BODY_FORMATS.get(format_of(media_type))
    if body_format is None:
        draft.fault(place, f"R13: a body of type {media_type} has no counterpart in the generated client")
        return
    if media.get("encoding"):
        draft.fault((*place, "encoding"), _ENCODING)
    schemas: Mapping[str, Any] = {"bytes": _FILE, "text": {"type": "string"}}
    schema = schemas.get(body_format, media.get("schema", {}))
    draft.bodies[operation] = Body("application/octet-stream" if "*" in media_type else media_type, body_format)
    body["content"] = {JSON: {**media, "schema": dict(schema) if body_format in schemas else schema}}
    draft.sources.move((*where, "content", JSON), place)
    if body_format == "multipart":
        _mark_files(draft, schema)


def _mark_files(draft: Draft, schema: Any) -> None:
    """Members that are bytes, in the one form that the parser knows."""
    target = draft.follow(schema)
    for name, member in target.get("properties", {}).items() if isinstance(target, dict) else ():
        items = member.get("items") if isinstance(member, dict) else None
        for part in (member, items):
            if isinstance(part, dict) and _is_file(part):
                part.update(_FILE)
        if member == {}:
            target["properties"][name] = dict(_FILE)


def _is_file(schema: Mapping[str, Any]) -> bool:
    is_text = schema.get("type", "string") == "string"
    named = schema.get("contentMediaType", JSON)
    return is_text and (schema.get("contentEncoding") == "binary" or format_of(named) != "json")


def sort_answers(draft: Draft) -> None:
    """Note in which forms each success can arrive, and leave the schema of the JSON one under application/json."""
    for pointer, operation in draft.operations():
        responses = operation.get("responses", {})
        answers = draft.answers.setdefault(pointer, [])
        for status in [status for status in responses if str(status).startswith("2")]:
            where = (*pointer, "responses", status)
            response = draft.inline(responses, status, where[:-1])
            answers += _sort_answer(draft, where, status, response)
        for status in responses:
            if str(status)[0] in "45":
                _sort_error(draft, (*pointer, "responses", status), responses[status])
    for name, response in draft.components("responses").items():
        _sort_error(draft, ("components", "responses", name), response)


def _sort_answer(draft: Draft, where: Pointer, status: str, response: dict[str, Any]) -> list[Answer]:
    content = response.get("content", {})
    if not content:
        return [Answer(status, None, "none", where)]
    answers: list[Answer] = []
    supported: dict[str, Any] = {}
    for media_type, media in content.items():
        place = (*where, "content", media_type)
        if essence(media_type) == EVENTS and len(content) > 1:
            # A stream that the client has a class for.
            supported[EVENTS] = media
            draft.sources.move((*where, "content", EVENTS), place)
            continue
        answer = Answer(status, media_type, format_of(media_type), place)
        answers.append(answer)
        if is_stream(media_type):
            continue
        if answer.format != "json":
            if draft.follow(media.get("schema", {})).get("type", "string") != "string":
                draft.fault((*place, "schema"), f"R2: the schema of {media_type}, which is not JSON, must be a string")
            continue
        media = {**media, "schema": media.get("schema", {})}
        if JSON not in supported:
            # First: the parser takes the first media type that it knows.
            supported = {JSON: media, **supported}
            draft.sources.move((*where, "content", JSON), place)
        elif supported[JSON]["schema"] != media["schema"]:
            draft.fault(place, "R2: the JSON forms of one success must have one schema")
    if supported:
        response["content"] = supported
    else:
        response.pop("content")
    return answers


def _sort_error(draft: Draft, where: Pointer, response: dict[str, Any]) -> None:
    """Keep the JSON form of an error: the others reach the caller as they are."""
    content = response.get("content", {})
    forms = {kind: media for kind, media in content.items() if format_of(kind) == "json" and "schema" in media}
    for media_type in forms:
        draft.sources.move((*where, "content", JSON), (*where, "content", media_type))
        response["content"] = {JSON: forms[media_type]}
        return
    response.pop("content", None)


def drop_unused_responses(draft: Draft) -> None:
    """Drop the components that only successes referred to; they have been copied into those."""
    text = json.dumps(draft.document.get("paths", {}))
    responses = draft.components("responses")
    for name in [name for name in responses if f'"#/components/responses/{name}"' not in text]:
        del responses[name]
