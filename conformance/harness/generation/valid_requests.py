"""A valid request for any operation of the contract, from its example or from its schemas."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

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
    """A request that only what it refers to can be wrong with: ids are made up."""
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
    body = valid_body(operation, rng)
    content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    return ValidRequest(
        f"{path}?{urlencode(query)}" if query else path,
        headers if content is None else {**headers, "Content-Type": JSON},
        content,
    )


def valid_body(operation: Operation, rng: random.Random) -> Any:
    """The first example of the body, or a value that fits its schema; None for an operation without a JSON body."""
    for _, example in contract.examples(operation.path, operation.method):
        return example
    content = _node(operation).get("requestBody", {}).get("content", {}).get(JSON)
    return None if content is None else _example(content, rng)


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
