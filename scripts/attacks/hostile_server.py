"""A hostile server: a thread for each connection, which reads requests and responds as the attack says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Respond = Callable[[socket.socket, bytes], None]
"""Is given the connection and one request, head and body; closes the connection by raising OSError."""


class HostileServer:
    """A running server; `requests` counts what it received."""

    def __init__(self, listener: socket.socket, respond: Respond) -> None:
        self._listener = listener
        self._respond = respond
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.requests = 0
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            thread = threading.Thread(target=self._handle, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            # Wakes the thread in accept(), which close() alone does not.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _handle(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with contextlib.suppress(OSError):
                while (request := read_request(connection)) is not None:
                    with self._lock:
                        self.requests += 1
                    self._respond(connection, request)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()


def read_request(connection: socket.socket) -> bytes | None:
    """The next request of a connection, head and body; None when the peer closed it."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := connection.recv(65536)):
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        if not (piece := connection.recv(65536)):
            return None
        body += piece
    return head + b"\r\n\r\n" + body


def response(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A response with a Content-Length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@contextlib.contextmanager
def hostile_server(respond: Respond) -> Iterator[HostileServer]:
    """A hostile server for the duration of a block."""
    server = HostileServer(socket.create_server(("127.0.0.1", 0), backlog=256), respond)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
