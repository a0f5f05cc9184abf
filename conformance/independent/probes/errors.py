"""Probes of refusals that are not caused by a field of the body."""

from __future__ import annotations

import json
from typing import Any

from .prober import PATH, Prober, body, probe


def _post(prober: Prober, content: bytes, media_type: str = "application/json") -> Any:
    return prober.tell(prober.send("POST", PATH, content=content, headers={"Content-Type": media_type}))


@probe
def unroutable(prober: Prober) -> Any:
    paths = ("/", "/v1", "/v1/nothing", "/v1/models/", f"{PATH}/a/b/c")
    return [prober.tell(prober.send("GET", path)) for path in paths]


@probe
def wrong_method(prober: Prober) -> Any:
    return [prober.tell(prober.send(method, "/v1/models")) for method in ("PUT", "DELETE", "PATCH")]


@probe
def malformed_json(prober: Prober) -> Any:
    return [_post(prober, content) for content in (b"", b"{", b'{"model":}', b"[]", b"\xff")]


@probe
def nul_bytes(prober: Prober) -> Any:
    return _post(prober, json.dumps(body("a\0b")).encode())


@probe
def deep_json(prober: Prober) -> Any:
    return _post(prober, b'{"model":' + b"[" * 50_000 + b"]" * 50_000 + b"}")


@probe
def huge_body(prober: Prober) -> Any:
    return _post(prober, b" " * (11 * 1024 * 1024))


@probe
def large_body(prober: Prober) -> Any:
    return _post(prober, json.dumps(body("word " * 450_000)).encode())


@probe
def wrong_media_type(prober: Prober) -> Any:
    return _post(prober, json.dumps(body()).encode(), "text/plain")


@probe
def odd_ids(prober: Prober) -> Any:
    return [prober.tell(prober.get(path)) for path in ("cmp_%0A", "cmp_%00", "cmp_%F0%9F%98%80", "cmp_..", "%20")]


@probe
def several_errors(prober: Prober) -> Any:
    return [prober.tell(prober.create(body(temperature=3)))["body"] for _ in range(3)]


@probe
def throttled(prober: Prober) -> Any:
    """Four requests after a team's bucket has been emptied but for three."""
    bucket = prober.server.application.teams["second"].limits.writes
    bucket.take(bucket.capacity - 3)
    return [prober.tell(prober.create(headers=prober.other)) for _ in range(5)]


@probe
def many_requests(prober: Prober) -> Any:
    return [prober.tell(prober.create(body(max_tokens=1)))["status"] for _ in range(30)]
