"""Ports and connections of this machine."""

from __future__ import annotations

import socket
import struct
from typing import Final
from urllib.parse import urlsplit

_NO_LINGER: Final = struct.pack("ii", 1, 0)


def reset_on_close(connection: socket.socket) -> None:
    """Have a connection end with RST rather than FIN when it is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def connect(url: str, timeout: float) -> socket.socket:
    """A connection to the server at a URL. timeout: seconds for connecting, and for each read"""
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 80), timeout=timeout)
