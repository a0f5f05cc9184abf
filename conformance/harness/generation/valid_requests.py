"""A valid request for any operation of the contract, from its example or from its schemas."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from aurous_mock.generation.schema_faker import fake_value

from harness import contract
from harness.contract import Operation

JSON = "application/json"


@dataclass(frozen=True)
class ValidRequest:
    """The path with its query, the headers that the contract requires, and the body; None where there is none."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


def valid_request(operation: Operation, *, seed: int = 0) -> ValidRequest:
    """A valid request, though with made-up ids, which need not exist."""
    rng = random.Random(seed)
    path, query, headers = operation.path, {}, {}
    for parameter in parameters(operation):
        is_in_path = parameter["in"] == "path"
        if not (is_in_path or parameter.get("required")):
            continue
        value = _text(_example(parameter, rng))
        if is_in_path:
            path = path.replace("{" + parameter["name"] + "}", quote(value, safe=""))
        elif parameter["in"] == "query":
            query[parameter["name"]] = value
        elif parameter["in"] == "header":
            headers[parameter["name"]] = value
    body = _body(operation, rng)
    return ValidRequest(
        f"{path}?{urlencode(query)}" if query else path,
        headers if body is None else {**headers, "Content-Type": body.media_type},
        None if body is None else body.content,
    )


def valid_body(operation: Operation, rng: random.Random) -> Any:
    """The first example of the body, or a value that fits its schema; None for an operation without a JSON body."""
    for _, example in contract.examples(operation.path, operation.method):
        return example
    content = next((media for kind, media in _request_contents(operation).items() if _is_json(kind)), None)
    return None if content is None else _example(content, rng)


@dataclass(frozen=True)
class _Body:
    media_type: str
    content: bytes


def _body(operation: Operation, rng: random.Random) -> _Body | None:
    """A valid body, in JSON if the operation takes that, else in the first media type that it takes."""
    contents = _request_contents(operation)
    if not contents:
        return None
    value = valid_body(operation, rng)
    media_type = next((kind for kind in contents if _is_json(kind)), next(iter(contents)))
    if _is_json(media_type):
        return _Body(media_type, json.dumps(value, ensure_ascii=False).encode())
    if value is None:
        value = _example(contents[media_type], rng)
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        fields = {name: _text(member) for name, member in value.items()}
        return _Body(media_type, urlencode(fields).encode())
    if kind == "multipart/form-data":
        request = httpx.Request("POST", "https://example.com", files=_parts(contents[media_type], value))
        return _Body(request.headers["Content-Type"], request.read())
    return _Body(media_type.replace("*", "octet-stream"), _text(value).encode())


def _parts(media: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a form: files for members that are bytes, text for others."""
    members = contract.resolve(media.get("schema", {})).get("properties", {})

    def part(name: str, member: Any) -> tuple[str | None, bytes]:
        is_file = contract.resolve(members.get(name, {})).get("format") == "binary"
        return (f"{name}.bin" if is_file else None), _text(member).encode()

    return {name: part(name, member) for name, member in value.items()}


def _request_contents(operation: Operation) -> dict[str, Any]:
    contents: dict[str, Any] = contract.follow(_node(operation).get("requestBody", {})).get("content", {})
    return contents


def _is_json(media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    return kind == JSON or kind.endswith("+json")


def parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    """The parameters of an operation, those of its path included, with references followed."""
    item = contract.document()["paths"][operation.path]
    for parameter in [*item.get("parameters", ()), *_node(operation).get("parameters", ())]:
        yield contract.follow(parameter)


def _node(operation: Operation) -> dict[str, Any]:
    node: dict[str, Any] = contract.document()["paths"][operation.path][operation.method.lower()]
    return node


def _example(holder: Mapping[str, Any], rng: random.Random) -> Any:
    """The example of a parameter or of a body, or a value that fits its schema."""
    schema = holder.get("schema", {})
    for source in (holder, contract.resolve(schema)):
        if "example" in source:
            return source["example"]
    return fake_value({**schema, "components": {"schemas": contract.document()["components"]["schemas"]}}, rng)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
