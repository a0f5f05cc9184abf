"""Probes of streams of every kind, each with its record."""

from __future__ import annotations

import socket
from typing import Any

from ..server import DEFAULT_KEY
from .answers import ASKED
from .prober import MODEL, PROBES, Prober, body, probe

KINDS = ("text", "tools", "reasoning", "structured", "logprobs", "length", "stop")


def _register(name: str, members: dict[str, Any]) -> None:
    PROBES[f"stream_{name}"] = lambda prober: prober.streamed(body(stream=True, **members))


for _name in ASKED:
    _register(_name, ASKED[_name])
_register("without_usage", {"stream_options": {"include_usage": False}})
_register("with_usage", {"stream_options": {"include_usage": True}})


@probe
def stream_keyed(prober: Prober) -> Any:
    return prober.streamed(body(stream=True), headers={"Idempotency-Key": "stream-keyed"})


@probe
def stream_keyed_with_bad_key(prober: Prober) -> Any:
    return prober.streamed(body(stream=True), headers={"Idempotency-Key": "k" * 300})


@probe
def stream_cancelled(prober: Prober) -> Any:
    with prober.running_stream() as (completion_id, lines):
        cancelled = prober.tell(prober.cancel(completion_id))
        prober.server.application.chat.completions[completion_id].ended.set()
        rest = [prober.tell_text(line) for line in lines]
    return [cancelled, rest, prober.tell(prober.get(completion_id))]


@probe
def stream_bytes(prober: Prober) -> Any:
    """The bytes of a stream as they arrive, with their framing, up to the sizes of its parts."""
    host, _, port = prober.server.url.removeprefix("http://").partition(":")
    document = f'{{"model":"{MODEL}","messages":[{{"role":"user","content":"Hi"}}],"stream":true,"max_tokens":2}}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-Api-Key: {DEFAULT_KEY}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(document)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall((head + document).encode())
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    return [
        prober.tell_text(line) for line in received.decode().split("\r\n") if not line.startswith(("X-Rate", "Date"))
    ]
