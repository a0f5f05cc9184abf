"""ASGI middleware in front of the mock that lets a variant alter what passes."""

import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from aurous_mock.http import sockets
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mutants.messages import Bytes, Frame, Request, Response
from mutants.registry import Behaviour, ConnectionFault

_T = TypeVar("_T")
_BLANK = b"\n\n"

# A variant that crashes would look like a fault that was caught: the runner looks for this line.
CRASHED = "the variant itself crashed"


class Proxy:
    """The mock with a variant in front of it. Requests to its own endpoints, under /_mock/, pass unaltered."""

    def __init__(self, app: ASGIApp, behaviour: Behaviour, version: str) -> None:
        self._app = app
        self._behaviour = behaviour
        # The one that the mock applies where none is asked for.
        self._version = version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_mock"):
            await self._app(scope, receive, send)
            return
        raw = await _read(receive)
        if raw is None:
            return
        raw_path = scope["raw_path"].decode("latin-1")
        request = Request(scope["method"], scope["path"], MutableHeaders(raw=[*scope["headers"]]), Bytes(raw), raw_path)
        replacement = guarded(lambda: self._behaviour.request(request))
        if isinstance(replacement, Response):
            # Not on what something in front of the API answers.
            if "aurous-request-id" in replacement.headers:
                replacement.headers.setdefault("aurous-version", request.headers.get("aurous-version", self._version))
            await _send(replacement, send)
        elif replacement is ConnectionFault.DROP:
            sockets.close(scope)
        elif replacement is ConnectionFault.HANG:
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            relay = _Relay(self._behaviour, request, send)
            await self._app(_rewritten(scope, request, raw), _Receiver(request.content.raw, receive), relay)


class _Receiver:
    """Passes on the body that was read, and then what the client sends next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Relay:
    """The response path: collects a response until it is complete, and a stream frame by frame."""

    def __init__(self, behaviour: Behaviour, request: Request, send: Send) -> None:
        self._behaviour = behaviour
        self._request = request
        self._send = send
        self._response = Response(0, MutableHeaders(), Bytes(b""))
        self._waiting = b""
        self._memory: dict[str, Any] = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=[*message["headers"]])
            streamed = headers.get("content-type", "").startswith("text/event-stream")
            self._response = Response(message["status"], headers, Bytes(b""), streamed)
            if streamed:
                guarded(lambda: self._behaviour.response(self._request, self._response))
                await self._send({**message, "status": self._response.status, "headers": self._response.headers.raw})
        elif self._response.streamed:
            await self._stream(message)
        else:
            await self._collect(message)

    async def _collect(self, message: Message) -> None:
        self._waiting += message.get("body", b"")
        if not message.get("more_body"):
            self._response.content = Bytes(self._waiting)
            guarded(lambda: self._behaviour.response(self._request, self._response))
            await _send(self._response, self._send)

    async def _stream(self, message: Message) -> None:
        self._waiting += message.get("body", b"")
        while _BLANK in self._waiting:
            raw, _, self._waiting = self._waiting.partition(_BLANK)
            frame = Frame.read(raw + _BLANK, self._memory)
            for sent in guarded(lambda frame=frame: self._frames(frame)) or ():  # type: ignore[misc]
                await self._send({"type": "http.response.body", "body": sent, "more_body": True})
        if not message.get("more_body"):
            await self._send({"type": "http.response.body", "body": self._waiting, "more_body": False})

    def _frames(self, frame: Frame) -> list[bytes]:
        frames = self._behaviour.frame(self._request, frame)
        return [sent.encode() for sent in ((frame,) if frames is None else frames)]


def guarded(action: Callable[[], _T]) -> _T | None:
    """The result of `action`; None, and a line in the log, if it fails."""
    try:
        return action()
    except Exception:
        traceback.print_exc()
        print(CRASHED, file=sys.stderr, flush=True)
        return None


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None if the client left before it was there."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _rewritten(scope: Scope, request: Request, before: bytes) -> Scope:
    body = request.content.raw
    if body != before:
        request.headers["content-length"] = str(len(body))
    if request.path != scope["path"]:
        scope["raw_path"] = quote(request.path).encode("ascii")
    # Changed in place: the protocol below refers to this very object.
    scope["method"], scope["path"], scope["headers"] = request.method, request.path, request.headers.raw
    return scope


async def _send(response: Response, send: Send) -> None:
    body = response.content.raw
    response.headers["content-length"] = str(len(body))
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers.raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})
