"""Filters responses by the version that a request asks for: members that only other versions have are left out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson
from starlette.types import Message, Send

from aurous_mock.contract.document import Document

# Members to leave out: None for a whole member, a tree for parts of it.
Tree = Mapping[str, "Tree | None"]
_JSON = "application/json"
_EVENTS = "text/event-stream"
# Bounds schemas that refer to themselves.
_DEEPEST = 12


class Filtered(Protocol):
    """What a filter needs to know of an operation: the members to leave out of its body, and of its events."""

    @property
    def hidden(self) -> Tree: ...

    @property
    def hidden_in_events(self) -> Tree: ...


def hidden_members(document: Document, others: Sequence[Document], path: str, method: str, media_type: str) -> Tree:
    """The members of an operation's first success that only the `others` have."""
    own = _schema(document, path, method, media_type)
    tree: Tree = {}
    for other in others:
        other_schema = _schema(other, path, method, media_type)
        if own is not None and other_schema is not None:
            tree = _merge_trees(tree, _missing_members(document, own, other, other_schema, _DEEPEST))
    return tree


class ResponseFilter:
    """An ASGI `send` that leaves out the members that the requested version does not have."""

    def __init__(self, operation: Filtered, send: Send) -> None:
        self._operation = operation
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if _is_json(message):
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
            body = orjson.dumps(_without(orjson.loads(body), self._operation.hidden))
        length = (b"content-length", b"%d" % len(body))
        headers = [length if name.lower() == b"content-length" else (name, value) for name, value in start["headers"]]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _event(self, body: bytes) -> bytes:
        # Each message is a whole event.
        if not body.startswith(b"data: {"):
            return body
        payload = orjson.loads(body.removeprefix(b"data: "))
        return b"data: " + orjson.dumps(_without(payload, self._operation.hidden_in_events)) + b"\n\n"


def _schema(document: Document, path: str, method: str, media_type: str) -> Any:
    """The schema of the first success; of an event stream, the schema of the decoded data."""
    item = (document.root.get("paths") or {}).get(path, {})
    responses = document.follow("", item)[1].get(method, {}).get("responses") or {}
    response: Any = next((node for code, node in responses.items() if str(code).startswith("2")), {})
    content = document.follow("", response)[1].get("content") or {}
    schema = content.get(media_type, {}).get("schema")
    if media_type != _EVENTS or schema is None:
        return schema
    return next(_content_schemas(schema), None)


def _content_schemas(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping) and "contentSchema" in node:
        yield node["contentSchema"]
    elif isinstance(node, Mapping):
        for child in node.values():
            yield from _content_schemas(child)
    elif isinstance(node, list):
        for child in node:
            yield from _content_schemas(child)


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


def _is_json(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(_JSON.encode()) for name, value in message["headers"]
    )
