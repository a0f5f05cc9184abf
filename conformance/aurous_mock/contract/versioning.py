"""Puts responses into the form of the version that a request asks for: its names, and no members that it lacks."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, Final, Protocol

import orjson
from starlette.types import Message, Send

from aurous_mock.contract import event_schemas
from aurous_mock.contract.document import Document
from aurous_mock.contract.renames import Names, translate

# Members to leave out: None for a whole member, a tree for parts of it.
Tree = Mapping[str, "Tree | None"]
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
JSON_LINES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
_DATA: Final = b"data: "
# Bounds schemas that refer to themselves.
_DEEPEST = 12


class Filtered(Protocol):
    """What a filter needs to know of an operation: what to leave out of its body and its events, and its names."""

    @property
    def hidden(self) -> Tree: ...

    @property
    def hidden_in_events(self) -> Tree: ...

    @property
    def response_names(self) -> Names: ...


def hidden_members(
    document: Document, others: Sequence[Document], path: str, method: str, media_types: Set[str]
) -> Tree:
    """The members of an operation's first success, in one of these media types, that only the `others` have."""
    own = _schema(document, path, method, media_types)
    tree: Tree = {}
    for other in others:
        other_schema = _schema(other, path, method, media_types)
        if own is not None and other_schema is not None:
            tree = _merge_trees(tree, _missing_members(document, own, other, other_schema, _DEEPEST))
    return tree


def needs_filter(operation: Filtered) -> bool:
    """Whether any response of an operation has another form in this version than in the code or in other versions."""
    return bool(operation.hidden or operation.hidden_in_events or operation.response_names)


class ResponseFilter:
    """An ASGI `send` that renames members for the requested version, and leaves out those that it does not have."""

    def __init__(self, operation: Filtered, send: Send) -> None:
        self._operation = operation
        self._send = send
        self._start: Message | None = None
        self._body = b""
        self._media_type = ""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._media_type = _media_type(message)
            if self._media_type == JSON or self._media_type in JSON_LINES:
                # Content-Length is known only with the body.
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_filtered(self._start)
            return
        elif message["type"] == "http.response.body":
            message = {**message, "body": self._event(message.get("body", b""))}
        await self._send(message)

    async def _send_filtered(self, start: Message) -> None:
        body = self._body
        if start["status"] < 300:
            body = self._filtered(body)
        length = (b"content-length", b"%d" % len(body))
        headers = [length if name.lower() == b"content-length" else (name, value) for name, value in start["headers"]]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _filtered(self, body: bytes) -> bytes:
        if self._media_type == JSON:
            return orjson.dumps(self._form(orjson.loads(body), self._operation.hidden))
        return b"".join(self._line(line) for line in body.splitlines(keepends=True))

    def _event(self, body: bytes) -> bytes:
        """An event without what is hidden. Each message is a whole event, and its JSON stands in one line."""
        if self._media_type != EVENTS:
            return body
        head, separator, data = body.partition(_DATA)
        is_first_line = not head or head.endswith(b"\n")
        return head + separator + self._line(data) if separator and is_first_line else body

    def _line(self, line: bytes) -> bytes:
        if not line.startswith((b"{", b"[")):
            return line
        ending = line[len(line.rstrip(b"\r\n")) :]
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            return line
        return orjson.dumps(self._form(document, self._operation.hidden_in_events)) + ending

    def _form(self, document: Any, hidden: Tree) -> Any:
        return _without(translate(document, self._operation.response_names), hidden)


def _schema(document: Document, path: str, method: str, media_types: Set[str]) -> Any:
    """The schema of the first success in one of these media types; of an event stream, that of the decoded data."""
    item = (document.root.get("paths") or {}).get(path, {})
    responses = document.follow("", item)[1].get(method, {}).get("responses") or {}
    response: Any = next((node for code, node in responses.items() if str(code).startswith("2")), {})
    contents = document.follow("", response)[1].get("content") or {}
    for media_type, content in contents.items():
        base = essence(media_type)
        if base in media_types and base == EVENTS:
            kinds = event_schemas.read(document, content.get("schema", {}))
            return {"anyOf": [kind.schema for kind in kinds if kind.is_json]}
        if base in media_types:
            return content.get("schema")
    return None


def _members(document: Document, schema: Any) -> dict[str, list[Any]]:
    """The members that a schema declares, in all branches of a union and in the items of an array."""
    schema = document.follow("", schema)[1]
    members: dict[str, list[Any]] = {}
    if not isinstance(schema, Mapping):
        return members
    for name, child in schema.get("properties", {}).items():
        members.setdefault(name, []).append(child)
    for branch in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), schema.get("items")]:
        for name, children in _members(document, branch).items():
            members.setdefault(name, []).extend(children)
    return members


def _missing_members(own: Document, schema: Any, other: Document, other_schema: Any, depth: int) -> Tree:
    known = _members(own, schema)
    tree: dict[str, Tree | None] = {}
    for name, children in _members(other, other_schema).items():
        if name not in known:
            tree[name] = None
        elif depth:
            inner = _missing_members(own, {"anyOf": known[name]}, other, {"anyOf": children}, depth - 1)
            if inner:
                tree[name] = inner
    return tree


def _merge_trees(one: Tree, other: Tree) -> Tree:
    merged = dict(one)
    for name, tree in other.items():
        present = merged.get(name, {})
        merged[name] = None if tree is None or present is None else _merge_trees(present, tree)
    return merged


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_without(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: child for name, child in value.items() if tree.get(name, {}) is not None}
    return {name: _without(child, tree.get(name) or {}) if name in tree else child for name, child in kept.items()}


def essence(media_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def _media_type(message: Message) -> str:
    values = (value.decode("latin-1") for name, value in message["headers"] if name.lower() == b"content-type")
    return essence(next(values, ""))
