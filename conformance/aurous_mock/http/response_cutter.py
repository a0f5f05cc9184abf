"""Cuts one response where its fault says: dropped connections, truncated bodies and streams, malformed JSON."""

from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from aurous_mock.http import sockets
from aurous_mock.http.faults import Cut, Fault


class ResponseCutter:
    """An ASGI `send` that cuts the response.

    The response's start waits for its first body, so that nothing is sent before the place of the cut is known.
    """

    def __init__(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        self._fault = fault
        self._scope = scope
        self._receive = receive
        self._send = send
        self._start: Message | None = None
        self._streamed = False
        self._frames = 0
        self._is_over = False
        # Whether nothing is sent any more while the work goes on, after which the connection is kept open.
        self._is_stalled = False
        self.replacement: Response | None = None

    async def cut_before(self) -> bool:
        """Cut the connection before any work is done. False if the fault applies later."""
        cut = self._fault.cut
        if cut is None or cut.place != "before":
            return False
        # Read the whole request first: a client that is still sending would report a different error.
        while (await self._receive()).get("more_body"):
            pass
        await self._cut_connection(cut)
        return True

    async def send(self, message: Message) -> None:
        """Send a message, as far as the fault allows."""
        if self._is_over:
            if self._is_stalled and message["type"] == "http.response.body" and not message.get("more_body"):
                await self._wait_for_end()
            return
        if message["type"] == "http.response.start":
            self._start = message
            self._streamed = any(value.startswith(b"text/event-stream") for _, value in message["headers"])
            return
        cut = self._fault.cut
        is_after = self.replacement is not None or (cut is not None and cut.place == "after")
        if is_after and message.get("more_body"):
            # The work comes first: a connection that ends before it would cancel a stream.
            return
        if self.replacement is not None:
            self._is_over = True
            await self.replacement(self._scope, self._receive, self._send)
        elif cut is None:
            await self._forward(message)
        elif cut.place in ("after", "head"):
            if cut.place == "head":
                await sockets.write_raw(self._scope, self._partial_head())
            await self._cut_connection(cut)
        elif self._streamed:
            await self._send_frame(cut, message)
        else:
            await self._send_body(cut, message)

    async def _forward(self, message: Message) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        await self._send(message)

    async def _send_frame(self, cut: Cut, message: Message) -> None:
        frame: bytes = message.get("body", b"")
        if not frame or frame.startswith(b":"):
            await self._forward(message)
            return
        limit = 1 if isinstance(cut.place, str) else cut.place
        if self._frames < limit:
            self._frames += 1
            if cut.how == "malformed" and self._frames == limit:
                message = {**message, "body": frame[:-3] + b",\n\n"}
            await self._forward(message)
            return
        if cut.how == "malformed":
            await self._forward(message)
            return
        if cut.place == "body":
            await self._forward({**message, "body": frame[: len(frame) // 2], "more_body": True})
        await self._end_stream(cut)

    async def _end_stream(self, cut: Cut) -> None:
        if cut.how in ("end", "done"):
            self._is_over = True
            body = b"data: [DONE]\n\n" if cut.how == "done" else b""
            await self._forward({"type": "http.response.body", "body": body, "more_body": False})
            return
        await self._forward({"type": "http.response.body", "body": b"", "more_body": True})
        await self._cut_connection(cut)

    async def _send_body(self, cut: Cut, message: Message) -> None:
        body: bytes = message.get("body", b"")
        if cut.how in ("end", "done") or not body:
            await self._forward(message)
        elif cut.how == "malformed":
            # Of the same length, so that Content-Length stays right.
            await self._forward({**message, "body": body[:-1] + b","})
        else:
            kept = len(body) // 2 if isinstance(cut.place, str) else min(cut.place, len(body))
            await self._forward({**message, "body": body[:kept], "more_body": True})
            await self._cut_connection(cut)

    async def _cut_connection(self, cut: Cut) -> None:
        self._is_over = True
        await sockets.flush(self._scope)
        if cut.how == "reset":
            sockets.reset(self._scope)
        elif cut.how == "truncate":
            sockets.close(self._scope)
        if cut.how == "stall" and self._fault.unnoticed and self._streamed and cut.place != "after":
            self._is_stalled = True
            return
        await self._wait_for_end()

    async def _wait_for_end(self) -> None:
        """Wait until the client is gone: the server would complete the response of an application that returns."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _partial_head(self) -> bytes:
        status = self._start["status"] if self._start else 200
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: applica".encode()
