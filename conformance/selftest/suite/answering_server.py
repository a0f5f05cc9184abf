"""A raw server whose answers are made piece by piece, for each request by one function."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from testkit.raw_server import Connection, RawServer, ReceivedRequest, run_raw_server

Answer = Callable[["AnsweringServer", str], Iterable[bytes]]


@dataclass
class AnsweringServer:
    """A running server. `closing` is set when it stops."""

    raw: RawServer
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return self.raw.url

    @property
    def heads(self) -> list[str]:
        """The head of each request that was received."""
        return [head_of(request) for request in self.raw.requests]


@contextmanager
def answering(answer: Answer) -> Iterator[AnsweringServer]:
    """Serve until the block ends; `answer` gets the server and a request's head, and yields what is sent.

    Each connection is closed after its answer.
    """

    def act(connection: Connection) -> bool:
        request = server.raw.requests[-1]
        for piece in answer(server, head_of(request)):
            # Unlike the connection's own `send`, this ends when the client has seen enough.
            connection.socket.sendall(piece)
        return False

    with run_raw_server(act) as raw:
        server = AnsweringServer(raw)
        try:
            yield server
        finally:
            server.closing.set()


def head_of(request: ReceivedRequest) -> str:
    return "\r\n".join([request.line, *(f"{name}: {value}" for name, value in request.headers)])


def response(status: int, body: bytes, media_type: str = "application/json", **headers: str) -> bytes:
    """A whole response, after which the connection is closed; a `_` in a header's name stands for `-`."""
    fields = {"Content-Type": media_type, "Content-Length": str(len(body)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
