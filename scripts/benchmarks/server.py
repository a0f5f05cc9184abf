"""A server faster than any client: it writes prepared bytes, each event by itself.

Run as `python -m benchmarks.server [CORE]`. It prints its port, and exits when its standard input closes, so that it
never outlives its parent. `GET` returns the CPU seconds it has used.
"""

from __future__ import annotations

import heapq
import itertools
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from . import cores, payloads

# Events in one turn of a stream, so that concurrent streams arrive interleaved.
_BURST = 64
# The golden ratio spreads the starts of paced streams evenly over an interval.
_GOLDEN_RATIO = 0.618034
_HEAD_END = b"\r\n\r\n"


class _Connection:
    """A connection: bytes of the request received, and pieces of the response left to send."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.inbox = b""
        self.unsent = b""
        self.pieces: Iterator[bytes] = iter(())
        self.pace = 0.0
        self.is_pending = False

    def request(self) -> bytes | None:
        """The next complete request, if any."""
        head, end, rest = self.inbox.partition(_HEAD_END)
        if not end:
            return None
        _, found, after = head.lower().partition(b"\r\ncontent-length:")
        length = int(after.partition(b"\r\n")[0]) if found else 0
        if len(rest) < length:
            return None
        self.inbox = rest[length:]
        return head + end + rest[:length]

    def send(self, most: int) -> bool:
        """Send up to so many pieces, unless the socket is full. Returns whether nothing is left."""
        piece, write = b"", self.sock.send
        left = (self.unsent,) if self.unsent else ()
        try:
            for piece in chain(left, islice(self.pieces, most - len(left))):
                sent = write(piece)
                if sent < len(piece):
                    self.unsent = piece[sent:]
                    return False
        except BlockingIOError:
            self.unsent = piece
            return False
        self.unsent = next(self.pieces, b"")
        return not self.unsent


class Server:
    """Serves any number of connections from one thread until standard input closes."""

    def __init__(self) -> None:
        payloads.prepare()
        self._completion = payloads.completion()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, _Connection]] = []
        self._numbers = itertools.count()
        self._streams = itertools.count()
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Serve until standard input closes."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, ready in self._selector.select(wait):
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._handle(key.data, ready)
            self._send_due()

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, _Connection(sock))

    def _handle(self, connection: _Connection, ready: int) -> None:
        try:
            if ready & selectors.EVENT_READ:
                data = connection.sock.recv(1 << 16)
                if not data:
                    self._drop(connection)
                    return
                connection.inbox += data
                request = connection.request()
                if request is not None:
                    self._answer(connection, request)
            if ready & selectors.EVENT_WRITE:
                self._send_burst(connection)
        except ConnectionError:
            self._drop(connection)

    def _answer(self, connection: _Connection, request: bytes) -> None:
        spec = payloads.parse_stream_spec(request)
        if spec is None:
            response = self._completion
            if request.startswith(b"GET "):
                response = payloads.plain(json.dumps({"cpu": time.process_time()}).encode())
            connection.pieces = iter((response,))
        else:
            connection.pieces, connection.pace = payloads.stream(spec.events, spec.kind), spec.pace
            if spec.pace:
                self._schedule(connection, time.monotonic() + spec.pace * (next(self._streams) * _GOLDEN_RATIO % 1))
                return
        self._send_burst(connection)

    def _send_burst(self, connection: _Connection) -> None:
        is_pending = not connection.send(_BURST)
        if is_pending is not connection.is_pending:
            connection.is_pending = is_pending
            wanted: Any = selectors.EVENT_READ | (selectors.EVENT_WRITE if is_pending else 0)
            self._selector.modify(connection.sock, wanted, connection)

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            due, _, connection = heapq.heappop(self._due)
            try:
                if not connection.send(1):
                    self._schedule(connection, due + connection.pace)
            except OSError:
                self._drop(connection)

    def _schedule(self, connection: _Connection, due: float) -> None:
        heapq.heappush(self._due, (due, next(self._numbers), connection))

    def _drop(self, connection: _Connection) -> None:
        if connection.sock.fileno() >= 0:
            self._selector.unregister(connection.sock)
            connection.sock.close()


def main() -> None:
    cores.pin(int(sys.argv[1]) if len(sys.argv) > 1 else None)
    server = Server()
    print(server.port, flush=True)
    server.serve()


if __name__ == "__main__":
    main()
