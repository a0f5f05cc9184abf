"""A proxy that alters what passes through it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

Message = MutableMapping[str, Any]
HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding", "keep-alive"}


@dataclass
class Asked:
    """A request on its way to the server; tamperers may change it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass
class Answered:
    """An answer on its way back, without its body."""

    status: int
    headers: list[tuple[str, str]]

    def drop(self, name: str) -> None:
        self.headers = [(key, value) for key, value in self.headers if key.lower() != name.lower()]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def _same(asked: Asked) -> None:
    """Leave a request as it is."""


@dataclass
class Tamper:
    """What is done to requests, to answers that are documents, and to each block of an event stream."""

    request: Callable[[Asked], None] = _same
    document: Callable[[Asked, Answered, bytes], bytes] = field(default=lambda asked, answered, body: body)
    block: Callable[[Asked, Answered, bytes], bytes] = field(default=lambda asked, answered, block: block)
    head: Callable[[Asked, Answered], None] = field(default=lambda asked, answered: None)
    # The answer to a request that the proxy does not pass on: status, content type, body. None passes it on.
    refusal: Callable[[Asked], tuple[int, str, bytes] | None] = field(default=lambda asked: None)
    cut: int = 0  # bytes to a chunk; 0 leaves chunks as they come
    buffers: bool = False  # whether a stream is passed on only when it has ended


@contextmanager
def proxying(upstream: str, tamper: Tamper) -> Iterator[str]:
    """The address of a proxy before `upstream`."""
    config = uvicorn.Config(_application(upstream, tamper), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ready = threading.Event()
    while not server.started:
        ready.wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def _application(upstream: str, tamper: Tamper) -> Callable[..., Any]:
    client: list[httpx.AsyncClient] = []

    async def application(scope: Message, receive: Callable[[], Any], send: Callable[[Message], Any]) -> None:
        if not client:
            client.append(httpx.AsyncClient(base_url=upstream, timeout=60))
        asked = await _asked(scope, receive)
        tamper.request(asked)
        if (refusal := tamper.refusal(asked)) is not None:
            status, media_type, body = refusal
            await send(_start(Answered(status, [("content-type", media_type)])))
            await send({"type": "http.response.body", "body": body})
            return
        request = client[0].build_request(asked.method, asked.path, headers=asked.headers, content=asked.body)
        response = await client[0].send(request, stream=True)
        answered = Answered(
            response.status_code,
            [(key, value) for key, value in response.headers.items() if key.lower() not in HOP_BY_HOP],
        )
        tamper.head(asked, answered)
        stream = (answered.header("content-type") or "").startswith("text/event-stream")
        pieces = _blocks(response) if stream and not tamper.buffers else _document(response)
        spoil = tamper.block if stream else tamper.document
        gone = asyncio.ensure_future(receive())
        try:
            started = False
            async for piece in pieces:
                if gone.done():
                    break
                body = spoil(asked, answered, piece)
                if not started:
                    await send(_start(answered))
                    started = True
                for chunk in _cut(body, tamper.cut):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await response.aclose()

    return application


async def _asked(scope: Message, receive: Callable[[], Any]) -> Asked:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    path = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    return Asked(scope["method"], path, {k: v for k, v in headers.items() if k not in HOP_BY_HOP}, body)


async def _document(response: httpx.Response) -> AsyncIterator[bytes]:
    yield await response.aread()


async def _blocks(response: httpx.Response) -> AsyncIterator[bytes]:
    """A stream by events, each with the empty line that ends it."""
    rest = b""
    async for chunk in response.aiter_raw():
        *whole, rest = (rest + chunk).split(b"\n\n")
        for block in whole:
            yield block + b"\n\n"
    if rest:
        yield rest


def _start(answered: Answered) -> Message:
    headers = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in answered.headers]
    return {"type": "http.response.start", "status": answered.status, "headers": headers}


def _cut(body: bytes, size: int) -> Iterator[bytes]:
    if not size:
        yield body
        return
    for start in range(0, len(body), size):
        yield body[start : start + size]
