"""A raw socket server that sends scripted bytes, and then closes, resets or stalls.

One thread serves one connection after another; the script is set before each request.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class ScriptedResponse:
    """The response to each request: bytes in pieces, and how the connection ends."""

    pieces: tuple[bytes, ...]
    ending: str = "close"
    """`close`, `reset` or `stall`, which leaves the client waiting."""


class RawServer:
    """The server; `run_raw_server` starts and stops it."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.script = ScriptedResponse(())
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
        """Close the stalled connections."""
        while self._stalled:
            self._stalled.pop().close()

    def stop(self) -> None:
        self._over.set()
        # Closing a listener does not wake the thread in accept(); a connection does.
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname()).close()

    def _answer(self, peer: socket.socket) -> None:
        script = self.script
        peer.settimeout(_TIMEOUT)
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
    """Read one complete request; False if the client closed before."""
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
def run_raw_server() -> Iterator[RawServer]:
    """A server for the duration of a block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw_server = RawServer(listener)
        thread = threading.Thread(target=raw_server.serve, daemon=True)
        thread.start()
        try:
            yield raw_server
        finally:
            raw_server.stop()
            thread.join(_TIMEOUT)
            raw_server.release()
