"""A server of sockets that sends what it is given, byte for byte, and hangs up or falls silent. Knows no faults.

One thread answers one connection after another; what it is to send is set before each request.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Script:
    """What becomes of each request: bytes, perhaps in pieces, and then the end of the connection."""

    pieces: tuple[bytes, ...]
    ending: str = "close"
    """`close`, `reset`, or `stall`, which leaves the client waiting."""


class Host:
    """The server, at work until its block ends."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.script = Script(())
        self._over = threading.Event()
        self._stalled: list[socket.socket] = []

    def serve(self) -> None:
        while not self._over.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self._answer(peer)

    def release(self) -> None:
        """Let go of the connections that were left waiting."""
        while self._stalled:
            self._stalled.pop().close()

    def stop(self) -> None:
        self._over.set()
        # Closing a listener does not wake the thread that waits for it; a visitor does.
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname()).close()

    def _answer(self, peer: socket.socket) -> None:
        script = self.script
        peer.settimeout(_PATIENCE)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if not _receive(peer):
                return
            for piece in script.pieces:
                peer.sendall(piece)
            if script.ending == "stall":
                self._stalled.append(peer)
                return
            if script.ending == "reset":
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                peer.shutdown(socket.SHUT_WR)
        finally:
            if peer not in self._stalled:
                peer.close()


def _receive(peer: socket.socket) -> bool:
    """Take in a request, all of it; whether there was one."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        if not piece:
            return False
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        piece = peer.recv(65536)
        if not piece:
            return False
        body += piece
    return True


@contextlib.contextmanager
def hosting() -> Iterator[Host]:
    """A server for the length of a block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = Host(listener)
        thread = threading.Thread(target=host.serve, daemon=True)
        thread.start()
        try:
            yield host
        finally:
            host.stop()
            thread.join(_PATIENCE)
            host.release()
