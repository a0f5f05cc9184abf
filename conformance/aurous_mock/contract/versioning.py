"""Filters responses by the version that a request asks for: members that only other versions have are left out.

An operation that a version documents, and that the mock does not implement, is answered with the documented example.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Message, Send

METHODS = ("get", "put", "post", "delete", "patch")
# Members to leave out: None for a whole member, a tree for parts of it.
Tree = Mapping[str, "Tree | None"]
_JSON = "application/json"
_EVENTS = "text/event-stream"
# Bounds schemas that refer to themselves.
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one version. example: the body of its documented example, if it has one"""

    method: str
    steps: tuple[str, ...]
    example: bytes | None
    hidden: Tree
    hidden_in_events: Tree

    def serves(self, method: str, path: str) -> bool:
        steps = path.split("/")
        return (
            method == self.method
            and len(steps) == len(self.steps)
            and all(
                (known.startswith("{") and step) or known == step for known, step in zip(self.steps, steps, strict=True)
            )
        )


def read(document: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """The operations of a version, compared with the other versions that are served."""
    return tuple(
        Operation(
            method=method.upper(),
            steps=tuple(path.split("/")),
            example=_example(document, operation),
            hidden=_hidden(document, others, path, method, _JSON),
            hidden_in_events=_hidden(document, others, path, method, _EVENTS),
        )
        for path, method, operation in _iterate_operations(document)
    )


class ResponseFilter:
    """An ASGI `send` that leaves out the members that the requested version does not have."""

    def __init__(self, operation: Operation, send: Send) -> None:
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


def _iterate_operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _hidden(
    document: Mapping[str, Any], others: Sequence[Mapping[str, Any]], path: str, method: str, media_type: str
) -> Tree:
    own = _schema(document, path, method, media_type)
    tree: Tree = {}
    for other in others:
        other_schema = _schema(other, path, method, media_type)
        if own is not None and other_schema is not None:
            tree = _merge_trees(tree, _missing_members(document, own, other, other_schema, _DEEPEST))
    return tree


def _schema(document: Mapping[str, Any], path: str, method: str, media_type: str) -> Any:
    """The schema of a success; of an event stream, the schema of the decoded data."""
    responses = document.get("paths", {}).get(path, {}).get(method, {}).get("responses", {})
    content = _follow(document, responses.get("200", {})).get("content", {})
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


def _follow(document: Mapping[str, Any], node: Any) -> Any:
    while isinstance(node, Mapping) and "$ref" in node:
        target: Any = document
        for step in str(node["$ref"]).split("/")[1:]:
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _members(document: Mapping[str, Any], schema: Any) -> dict[str, list[Any]]:
    """The members that a schema declares, in all branches of a union and in the items of an array."""
    schema = _follow(document, schema)
    members: dict[str, list[Any]] = {}
    if not isinstance(schema, Mapping):
        return members
    for name, child in schema.get("properties", {}).items():
        members.setdefault(name, []).append(child)
    for branch in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), schema.get("items")]:
        for name, children in _members(document, branch).items():
            members.setdefault(name, []).extend(children)
    return members


def _missing_members(
    own: Mapping[str, Any], schema: Any, other: Mapping[str, Any], other_schema: Any, depth: int
) -> Tree:
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


def _example(document: Mapping[str, Any], operation: Mapping[str, Any]) -> bytes | None:
    content = _follow(document, operation.get("responses", {}).get("200", {})).get("content", {}).get(_JSON, {})
    examples = [_follow(document, example).get("value") for example in content.get("examples", {}).values()]
    examples += [content["example"]] if "example" in content else []
    return orjson.dumps(examples[0]) if examples else None


def _is_json(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(_JSON.encode()) for name, value in message["headers"]
    )
