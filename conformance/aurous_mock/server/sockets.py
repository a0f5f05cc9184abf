"""The only module that touches sockets: hands transports to the application, resets them, and answers non-HTTP."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "aurous.transport"
_LINGER_NOT = struct.pack("ii", 1, 0)


def protocol(answer_garbage: Callable[[], bytes]) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, which also shows each request its transport, and answers what is not HTTP at all with
    the bytes that `answer_garbage` makes."""

    class TransportProtocol(HttpToolsProtocol):
        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}

        def send_400_response(self, msg: str) -> None:
            self.transport.write(answer_garbage())
            self.transport.close()

    return TransportProtocol


def _transport(scope: Scope) -> asyncio.Transport | None:
    transport: asyncio.Transport | None = scope.get("extensions", {}).get(_EXTENSION, {}).get("transport")
    return transport


def reset(scope: Scope) -> None:
    """End the connection with an RST. In-process requests have no connection, and nothing happens."""
    transport = _transport(scope)
    if transport is None:
        return
    connection: Any = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()


def close(scope: Scope) -> None:
    """End the connection with a FIN, once what was written is out."""
    transport = _transport(scope)
    if transport is not None:
        transport.close()


async def write_raw(scope: Scope, data: bytes) -> None:
    """Put bytes on the connection behind the server's back, and wait until the kernel has them."""
    transport = _transport(scope)
    if transport is None:
        return
    transport.write(data)
    await flush(scope)


async def flush(scope: Scope) -> None:
    """Wait until the kernel has all that was written: a reset would discard the rest."""
    transport = _transport(scope)
    # Event loops write at the end of a turn, so one turn has to pass even when the buffer looks empty.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    while transport is not None and not transport.is_closing() and transport.get_write_buffer_size():
        await asyncio.sleep(0.001)
