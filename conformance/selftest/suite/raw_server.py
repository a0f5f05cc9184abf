"""A server of raw bytes on a free port of 127.0.0.1: what a test answers, byte for byte."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class RawServer:
    """A running server, and the head of each request that it received."""

    url: str
    heads: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


Answer = Callable[[RawServer, str], Iterable[bytes]]


@contextmanager
def answering(answer: Answer) -> Iterator[RawServer]:
    """Serve until the block ends; `answer` gets the server and a request's head, and yields what is sent.

    Each connection is closed after its answer.
    """

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head, length = "", 0
            while (line := self.rfile.readline().decode("latin-1")).strip():
                head += line
                name, _, value = line.partition(":")
                length = int(value) if name.lower() == "content-length" else length
            self.rfile.read(length)
            if not head:
                return
            server.heads.append(head)
            try:
                for piece in answer(server, head):
                    self.wfile.write(piece)
            except OSError:
                # The client has seen enough.
                return

    class Listener(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server = RawServer(f"http://127.0.0.1:{listener.server_address[1]}")
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            listener.shutdown()
            thread.join()


def response(status: int, body: bytes, media_type: str = "application/json", **headers: str) -> bytes:
    """A whole response, with its length."""
    fields = {"Content-Type": media_type, "Content-Length": str(len(body)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
