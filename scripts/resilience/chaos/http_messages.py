"""HTTP/1.1 messages of the chaos proxy, read and written with h11."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

import h11

Headers = tuple[tuple[bytes, bytes], ...]

_PIECE: Final = 64 * 1024
_NUMBERED: Final = re.compile(rb"Call (\d+)\.")
# Hop-by-hop, so never forwarded.
_HOP: Final = (b"connection", b"keep-alive", b"transfer-encoding", b"content-length")


class LostError(Exception):
    """The other side closed before its message was complete."""


@dataclass(frozen=True, slots=True)
class Request:
    """One complete request."""

    method: str
    target: str
    headers: Headers
    body: bytes

    @property
    def number(self) -> int | None:
        """The number of the call, from its body; None where the body has none."""
        match = _NUMBERED.search(self.body)
        return int(match[1]) if match else None

    def without_header(self, name: bytes) -> Request:
        """The request without a header."""
        return replace(self, headers=tuple(header for header in self.headers if header[0] != name))

    def with_header(self, name: bytes, value: bytes) -> Request:
        """The request with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))


@dataclass(frozen=True, slots=True)
class Response:
    """One response; of a stream, its head."""

    status: int
    headers: Headers
    body: bytes = b""

    @property
    def is_stream(self) -> bool:
        return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in self.headers)

    def encode(self) -> bytes:
        """The whole response; of a stream its head, after which `chunk` frames the body."""
        framing = (b"transfer-encoding", b"chunked") if self.is_stream else (b"content-length", b"%d" % len(self.body))
        reason = HTTPStatus(self.status).phrase
        lines = [b"%s: %s\r\n" % header for header in (*self.headers, framing)]
        return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (self.status, reason.encode(), b"".join(lines), self.body)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; the empty one ends it."""
    return b"%x\r\n%s\r\n" % (len(data), data)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the peer closed it. Raises LostError."""
    connection = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = await _next_event(connection, reader)
        if isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return Request(head.method.decode(), head.target.decode(), tuple(head.headers), bytes(body))
        elif isinstance(event, h11.ConnectionClosed):
            return None


class UpstreamRequest:
    """A request to the server, on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: h11.Connection) -> None:
        self._reader = reader
        self._writer = writer
        self._connection = connection

    @classmethod
    async def send(cls, host: str, port: int, request: Request) -> UpstreamRequest:
        """Connect and send. Raises LostError if the server is down."""
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise LostError(str(error)) from error
        if writer.get_extra_info("sockname") == writer.get_extra_info("peername"):
            # TCP self-connect: the system may give a connecting socket the very port it connects to.
            writer.transport.abort()
            raise LostError("the server is down")
        connection = h11.Connection(h11.CLIENT)
        head = h11.Request(method=request.method, target=request.target, headers=list(request.headers))
        for event in (head, h11.Data(request.body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        return cls(reader, writer, connection)

    async def head(self) -> Response:
        """The head of the response. Raises LostError."""
        event = await _next_event(self._connection, self._reader)
        if not isinstance(event, h11.Response):
            raise LostError("no response")
        return Response(event.status_code, _end_to_end(event.headers))

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces. Raises LostError."""
        while True:
            event = await _next_event(self._connection, self._reader)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return

    async def response(self) -> Response:
        """The whole response. Raises LostError."""
        try:
            return await self.rest(await self.head())
        finally:
            self.close()

    async def rest(self, head: Response) -> Response:
        """The whole response with this head. Raises LostError."""
        response = replace(head, body=b"".join([piece async for piece in self.pieces()]))
        self.close()
        return response

    def close(self) -> None:
        self._writer.close()


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await reader.read(_PIECE))
    except (h11.RemoteProtocolError, OSError) as error:
        raise LostError(str(error)) from error
    return event


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple(header for header in headers if header[0] not in _HOP)
