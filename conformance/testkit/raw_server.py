"""A server of raw sockets, which does with each request what a test or trial says, and records what it receives."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from testkit.sockets import reset_on_close

# What the server does with one request. True if it can take another one on the same connection.
Action = Callable[["Connection"], bool]
Ending = Literal["keep", "close", "reset", "stall"]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it was received."""

    connection: int
    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        assert len(values) < 2, f"{name} was sent {len(values)} times"
        return values[0] if values else None


@dataclass
class Connection:
    """One accepted connection. `over` is set when the server stops."""

    number: int
    socket: socket.socket
    over: threading.Event
    _buffer: bytes = b""

    def receive(self) -> ReceivedRequest | None:
        """The next request; None if the client closes the connection instead."""
        head = self._until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else None)
        if head is None:
            return None
        line, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = tuple((name, value.strip()) for name, _, value in (text.partition(":") for text in lines))
        size = int(next((value for name, value in headers if name.lower() == "content-length"), "0"))
        body = self._until(lambda data: size if len(data) >= size else None)
        return None if body is None else ReceivedRequest(self.number, line, headers, body)

    def send(self, data: bytes) -> None:
        """Send this, whether or not the client still reads."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def reset(self) -> None:
        """End with RST rather than FIN."""
        with contextlib.suppress(OSError):
            reset_on_close(self.socket)

    def wait_closed(self) -> None:
        """Wait until the client closes the connection, or the server stops."""
        with contextlib.suppress(OSError):
            while self.socket.recv(65536):
                pass

    def _until(self, size_of: Callable[[bytes], int | None]) -> bytes | None:
        while (size := size_of(self._buffer)) is None:
            try:
                piece = self.socket.recv(65536)
            except OSError:
                return None
            if not piece:
                return None
            self._buffer += piece
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


@dataclass(frozen=True)
class ScriptedResponse:
    """An action: sends bytes in pieces, and then keeps the connection, closes or resets it, or waits for the client."""

    pieces: tuple[bytes, ...]
    ending: Ending = "close"

    def __call__(self, connection: Connection) -> bool:
        for piece in self.pieces:
            connection.send(piece)
        if self.ending == "reset":
            connection.reset()
        elif self.ending == "stall":
            connection.wait_closed()
        return self.ending == "keep"


@dataclass
class RawServer:
    """A server that takes one of its actions for each request; the last one for all that follow."""

    url: str
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    _actions: list[Action] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plays(self, *actions: Action) -> RawServer:
        """Take these actions for the next requests. Returns the server."""
        with self._lock:
            self._actions[:] = actions
        return self

    @property
    def keys(self) -> list[str | None]:
        """The idempotency keys of the requests."""
        return [request.header("Idempotency-Key") for request in self.requests]

    def serve(self, connection: Connection) -> None:
        """Take an action for each request of a connection."""
        with self._lock:
            self.connections += 1
        # An action may use the socket itself, which the client closes when it wants to.
        with connection.socket, contextlib.suppress(OSError):
            while (request := connection.receive()) is not None:
                with self._lock:
                    self.requests.append(request)
                    action = self._actions.pop(0) if len(self._actions) > 1 else self._actions[0]
                if not action(connection):
                    return


@contextlib.contextmanager
def run_raw_server(*actions: Action) -> Iterator[RawServer]:
    """A server for the length of a block."""
    server = RawServer("").plays(*actions)
    with _run(server.serve) as address:
        server.url = f"http://{address}"
        yield server


@contextlib.contextmanager
def run_dripping_server(data: bytes, pause: float = 0.01) -> Iterator[str]:
    """An address as `host:port` where each connection is sent this byte by byte, whatever it sends itself."""

    def serve(connection: Connection) -> None:
        with connection.socket:
            drip(data, pause=pause)(connection)
            connection.over.wait()

    with _run(serve) as address:
        yield address


@contextlib.contextmanager
def _run(serve: Callable[[Connection], None]) -> Iterator[str]:
    """Serve each connection in a thread of its own. Yields the address as `host:port`."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        threads: list[threading.Thread] = []
        sockets: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                if over.is_set():
                    peer.close()
                    return
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sockets.append(peer)
                connection = Connection(len(sockets), peer, over)
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[0].start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            # Closing a listener does not wake the thread that waits for it; a visitor does.
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname()).close()
            for peer in sockets:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)


def raw(data: bytes, *, then: Ending = "close") -> Action:
    """Send exactly this; then `keep` the connection for another request, `close` it, `reset` it or `stall`."""
    return ScriptedResponse((data,), then)


def drip_without_end(start: bytes, piece: bytes, *, pause: float = 0.01) -> Action:
    """Send `start`, and then a piece again and again until the client disconnects."""

    def act(connection: Connection) -> bool:
        with contextlib.suppress(OSError):
            connection.socket.sendall(start)
            while not connection.over.wait(pause):
                connection.socket.sendall(piece)
        return False

    return act


def drip(data: bytes, *, fast: int = 0, pause: float = 0.01) -> Action:
    """Send this byte by byte, after the first `fast` ones."""

    def act(connection: Connection) -> bool:
        connection.send(data[:fast])
        for position in range(fast, len(data)):
            if connection.over.wait(pause):
                break
            connection.send(data[position : position + 1])
        return False

    return act
