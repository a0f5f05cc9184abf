"""Access to the connection of a request: reset it, close it, write raw bytes to it."""

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Scope

# The ASGI extension in which the server passes on the transport of each request.
EXTENSION = "aurous.transport"
_NO_LINGER = struct.pack("ii", 1, 0)


def _transport(scope: Scope) -> asyncio.Transport | None:
    transport: asyncio.Transport | None = scope.get("extensions", {}).get(EXTENSION, {}).get("transport")
    return transport


def reset(scope: Scope) -> None:
    """Reset the connection (RST). In-process requests have no connection: then nothing happens."""
    transport = _transport(scope)
    if transport is None:
        return
    connection: Any = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def close(scope: Scope) -> None:
    """Close the connection (FIN) after what was written is sent."""
    transport = _transport(scope)
    if transport is not None:
        transport.close()


async def write_raw(scope: Scope, data: bytes) -> None:
    """Write bytes to the connection, bypassing the server, and wait until the kernel has them."""
    transport = _transport(scope)
    if transport is None:
        return
    transport.write(data)
    await flush(scope)


async def flush(scope: Scope) -> None:
    """Wait until the kernel has all written bytes: a reset would discard the rest."""
    transport = _transport(scope)
    # Event loops write at the end of an iteration, even if the buffer looks empty before.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    while transport is not None and not transport.is_closing() and transport.get_write_buffer_size():
        await asyncio.sleep(0.001)
