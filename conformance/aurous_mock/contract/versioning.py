"""Owns what differs between versions of the contract: the operations each has, and the members its answers lack.

The server's answers are those of the newest version it was written for. To a request that asks for another version they
go out without the members that only other versions have; an operation that a version documents and that this server has
no behaviour for is answered with the version's own example.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Message, Send

METHODS = ("get", "put", "post", "delete", "patch")
# The members to leave out: None for a whole one, a tree for one that has such members inside.
Tree = Mapping[str, "Tree | None"]
_JSON = "application/json"
_EVENTS = "text/event-stream"
# No answer is nested deeper; a schema that refers to itself would be.
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one version. An example that is None is not known."""

    method: str
    steps: tuple[str, ...]
    example: bytes | None
    withheld: Tree
    withheld_events: Tree

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
    """The operations of a version, seen beside the other versions that are served."""
    return tuple(
        Operation(
            method=method.upper(),
            steps=tuple(path.split("/")),
            example=_example(document, operation),
            withheld=_withheld(document, others, path, method, _JSON),
            withheld_events=_withheld(document, others, path, method, _EVENTS),
        )
        for path, method, operation in _operations(document)
    )


class Trimmer:
    """Sends an answer on without the members that its version lacks."""

    def __init__(self, operation: Operation, send: Send) -> None:
        self._operation = operation
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if _is_json(message):
                # Its length is known only when its body is.
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_whole(self._start)
            return
        elif message["type"] == "http.response.body":
            message = {**message, "body": self._event(message.get("body", b""))}
        await self._send(message)

    async def _send_whole(self, start: Message) -> None:
        body = self._body
        if start["status"] < 300:
            body = orjson.dumps(_without(orjson.loads(body), self._operation.withheld))
        length = (b"content-length", b"%d" % len(body))
        headers = [length if name.lower() == b"content-length" else (name, value) for name, value in start["headers"]]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _event(self, body: bytes) -> bytes:
        # The server sends whole frames.
        if not body.startswith(b"data: {"):
            return body
        payload = orjson.loads(body.removeprefix(b"data: "))
        return b"data: " + orjson.dumps(_without(payload, self._operation.withheld_events)) + b"\n\n"


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _withheld(
    document: Mapping[str, Any], others: Sequence[Mapping[str, Any]], path: str, method: str, media_type: str
) -> Tree:
    own = _schema(document, path, method, media_type)
    tree: Tree = {}
    for other in others:
        theirs = _schema(other, path, method, media_type)
        if own is not None and theirs is not None:
            tree = _united(tree, _lacking(document, own, other, theirs, _DEEPEST))
    return tree


def _schema(document: Mapping[str, Any], path: str, method: str, media_type: str) -> Any:
    """The schema of a success; of events, the schema of what their data decodes to."""
    responses = document.get("paths", {}).get(path, {}).get(method, {}).get("responses", {})
    content = _follow(document, responses.get("200", {})).get("content", {})
    schema = content.get(media_type, {}).get("schema")
    if media_type != _EVENTS or schema is None:
        return schema
    return next(_decoded(schema), None)


def _decoded(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping) and "contentSchema" in node:
        yield node["contentSchema"]
    elif isinstance(node, Mapping):
        for child in node.values():
            yield from _decoded(child)
    elif isinstance(node, list):
        for child in node:
            yield from _decoded(child)


def _follow(document: Mapping[str, Any], node: Any) -> Any:
    while isinstance(node, Mapping) and "$ref" in node:
        target: Any = document
        for step in str(node["$ref"]).split("/")[1:]:
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _members(document: Mapping[str, Any], schema: Any) -> dict[str, list[Any]]:
    """The members that a schema names, in all the branches of a union and in the items of a list."""
    schema = _follow(document, schema)
    found: dict[str, list[Any]] = {}
    if not isinstance(schema, Mapping):
        return found
    for name, child in schema.get("properties", {}).items():
        found.setdefault(name, []).append(child)
    for branch in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), schema.get("items")]:
        for name, children in _members(document, branch).items():
            found.setdefault(name, []).extend(children)
    return found


def _lacking(own: Mapping[str, Any], schema: Any, other: Mapping[str, Any], theirs: Any, depth: int) -> Tree:
    known = _members(own, schema)
    tree: dict[str, Tree | None] = {}
    for name, children in _members(other, theirs).items():
        if name not in known:
            tree[name] = None
        elif depth:
            inner = _lacking(own, {"anyOf": known[name]}, other, {"anyOf": children}, depth - 1)
            if inner:
                tree[name] = inner
    return tree


def _united(one: Tree, other: Tree) -> Tree:
    whole = dict(one)
    for name, tree in other.items():
        mine = whole.get(name, {})
        whole[name] = None if tree is None or mine is None else _united(mine, tree)
    return whole


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
