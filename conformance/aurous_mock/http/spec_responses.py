"""Answers an operation by its spec alone: the first success, with its example or a made-up value that fits."""

import random
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aurous_mock.contract import event_schemas
from aurous_mock.contract.document import Document
from aurous_mock.contract.operations import EVENTS, JSON, JSON_LINES, Content, Operation, Paging
from aurous_mock.errors import APIError
from aurous_mock.generation import schema_faker

_LINES: Final = 3
# Set for every response.
_OWN_HEADERS: Final = ("aurous-", "x-ratelimit-")


class EventResponse:
    """An event stream of known events."""

    def __init__(self, status: int, events: list[bytes], headers: Mapping[str, str]) -> None:
        self._status = status
        self._events = events
        self._headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache, no-transform"),
        ]
        await send({"type": "http.response.start", "status": self._status, "headers": [*headers, *self._headers]})
        for event in self._events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class SpecResponses:
    """Makes the responses of one server, the same ones for the same spec and seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: dict[tuple[int, str, str, str], Any] = {}

    def response(self, operation: Operation, body: Any, accept: str, query: Container[str]) -> Response | EventResponse:
        """The first success of an operation, in the media type that the request asks for. query: its names"""
        success = operation.success
        headers = {
            name: _header_text(self._value(operation, content, name))
            for name, content in success.headers.items()
            if not name.startswith(_OWN_HEADERS) and name != "content-type"
        }
        content = choose_content(success.content, body, accept)
        if content is None:
            return Response(status_code=success.status, headers=headers)
        if content.media_type == EVENTS:
            return EventResponse(success.status, list(self._events(operation, content)), headers)
        is_last_page = operation.paging is not None and operation.paging.parameter in query
        payload = self._payload(operation, content, is_last_page=is_last_page)
        return Response(payload, success.status, headers, content.media_type)

    def _payload(self, operation: Operation, content: Content, *, is_last_page: bool) -> bytes:
        base = content.media_type.partition(";")[0].strip().lower()
        if base == JSON or base.endswith("+json"):
            value = self._value(operation, content)
            if operation.paging is not None and is_last_page:
                value = _last_page(operation.paging, value, content.schema.node)
            return orjson.dumps(value)
        if base in JSON_LINES:
            return b"".join(
                _lines(content.examples or [self._value(operation, content, str(n)) for n in range(_LINES)])
            )
        value = self._value(operation, content)
        return value.encode() if isinstance(value, str) else orjson.dumps(value)

    def _events(self, operation: Operation, content: Content) -> Iterator[bytes]:
        """The events of the examples, or one of each kind that the schema has."""
        for value in content.examples:
            yield from _event(value)
        if content.examples:
            return
        for number, kind in enumerate(event_schemas.read(content.schema.document, content.schema.node)):
            data = kind.text
            if data is None:
                made = self._fake(operation, content, kind.schema, f"event {number}")
                data = orjson.dumps(made).decode() if kind.is_json else str(made)
            yield from _event({"event": kind.name, "data": data})

    def _value(self, operation: Operation, content: Content, variant: str = "") -> Any:
        """The documented example, or a value that fits the schema."""
        return content.examples[0] if content.examples else self._fake(operation, content, content.schema.node, variant)

    def _fake(self, operation: Operation, content: Content, node: Any, variant: str) -> Any:
        """A value that fits a schema, always the same."""
        place = (id(operation), content.media_type, content.schema.pointer, variant)
        if place not in self._made:
            name = f"{self._seed} {operation.method} {operation.path} {content.media_type} {variant}"
            rng = random.Random(blake2b(name.encode()).digest())
            if not isinstance(node, Mapping) or not node:
                node = {"type": "object"} if "json" in content.media_type else {"type": "string"}
            try:
                self._made[place] = _made_up(operation, content.schema.document, node, rng)
            except schema_faker.Unsatisfiable as error:
                message = (
                    f"The spec has no example for {operation.method} {operation.path}, and none can be made: {error}."
                )
                raise APIError("internal_error", message) from error
        return self._made[place]


def _made_up(operation: Operation, document: Document, node: Mapping[str, Any], rng: random.Random) -> Any:
    """A value that fits a schema; of a record, if there is such a one, what has ended, so that polling it ends."""
    if operation.held_while:
        ended = {name: {"not": {"enum": [*values]}} for name, values in operation.held_while.items()}
        with suppress(schema_faker.Unsatisfiable):
            return schema_faker.fake_value(document.standalone({"allOf": [node, {"properties": ended}]}), rng)
    return schema_faker.fake_value(document.standalone(node), rng)


def _last_page(paging: Paging, page: Any, schema: Any) -> Any:
    """A page that nothing follows: the one after any cursor, so that a client which reads on comes to an end."""
    if not isinstance(page, Mapping):
        return page
    last = {name: value for name, value in page.items() if name != paging.cursor}
    if paging.cursor in schema.get("required", ()):
        last[paging.cursor] = None
    if paging.has_more is not None:
        last[paging.has_more] = False
    return last


def choose_content(contents: tuple[Content, ...], body: Any, accept: str) -> Content | None:
    """The content that a request asks for by `stream` or `Accept`; else the first one."""
    if not contents:
        return None
    is_streamed = isinstance(body, Mapping) and body.get("stream") is True
    wanted = EVENTS if is_streamed else accept.partition(",")[0].partition(";")[0].strip().lower()
    by_type = {content.media_type.partition(";")[0].strip().lower(): content for content in contents}
    return by_type.get(wanted, contents[0])


def _lines(values: Any) -> Iterator[bytes]:
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    for value in values:
        yield value.rstrip("\n").encode() + b"\n" if isinstance(value, str) else orjson.dumps(value) + b"\n"


def _event(value: Any) -> Iterator[bytes]:
    """The events of an example: the fields of one event, the text of several, or the data of one."""
    if isinstance(value, str) and value.startswith(("data:", "event:", "id:", ":")):
        for block in value.replace("\r\n", "\n").strip("\n").split("\n\n"):
            yield block.encode() + b"\n\n"
        return
    fields = value if isinstance(value, Mapping) and "data" in value else {"data": value}
    text = ""
    for name in ("event", "id", "retry"):
        if fields.get(name) is not None:
            text += f"{name}: {fields[name]}\n"
    data = fields["data"]
    data = data if isinstance(data, str) else orjson.dumps(data).decode()
    yield (text + "".join(f"data: {line}\n" for line in data.split("\n")) + "\n").encode()


def _header_text(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text.encode("latin-1", "replace").decode("latin-1").replace("\r", " ").replace("\n", " ")
