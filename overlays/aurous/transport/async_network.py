"""Connects coroutines through httpcore's backends, and closes a connection whose TLS handshake is cancelled.

httpcore closes it after an Exception only, which a cancellation is not: the socket would stay open until it is
garbage-collected.
"""

from __future__ import annotations

import ssl
from collections.abc import Coroutine, Iterable
from typing import Any

import httpcore


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Connects in event loops of asyncio, or else of trio."""

    def __init__(self, *, is_asyncio: bool) -> None:
        self._backend: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend() if is_asyncio else httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncStream:
        return AsyncStream(
            await self._backend.connect_tcp(
                host, port, timeout=timeout, local_address=local_address, socket_options=socket_options
            )
        )


class AsyncStream(httpcore.AsyncNetworkStream):
    """A connection before TLS, or without it."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    # Functions that return coroutines: another coroutine around each read would take longer.

    def read(self, max_bytes: int, timeout: float | None = None) -> Coroutine[Any, Any, bytes]:
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> Coroutine[Any, Any, None]:
        return self._stream.write(buffer, timeout)

    def aclose(self) -> Coroutine[Any, Any, None]:
        return self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            import anyio

            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
