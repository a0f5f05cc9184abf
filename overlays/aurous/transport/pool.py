"""Connections of this library over httpcore, for threads and for coroutines of asyncio or trio."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import httpcore
import httpx

from . import shutdown
from .convert import encode_headers, merge_headers, parse_url, request_headers
from .effects import SendRequest
from .keepalive import socket_options
from .network import DeadlineBackend, DeadlineStream


class PooledClient:
    """A connection pool for threads."""

    def __init__(self, limits: httpx.Limits) -> None:
        self._pool = httpcore.ConnectionPool(network_backend=DeadlineBackend(), **_pool_options(limits))

    def send(self, request: SendRequest) -> PooledResponse:
        """Send a request, and receive the head of its response."""
        return PooledResponse(self._pool.handle_request(_make_request(request, request.read)))

    def close(self) -> None:
        self._pool.close()


class PooledResponse:
    """A response whose body is unread."""

    def __init__(self, response: httpcore.Response) -> None:
        self.status_code = response.status
        self.headers = headers = merge_headers(response.headers)
        self.content_encoding = headers.get("content-encoding", "")
        self.is_http1 = True
        self._stream = cast(Any, response.stream)
        self._chunks: Iterator[bytes] = iter(self._stream)
        self._network: DeadlineStream = response.extensions["network_stream"]

    def receive(self, remaining: Callable[[], float] | None = None) -> bytes | None:
        """The next data, None at the end. remaining: the seconds that it may wait; by default until the deadline"""
        if remaining is None:
            return next(self._chunks, None)
        self._network.remaining = remaining
        try:
            return next(self._chunks, None)
        finally:
            self._network.remaining = None

    def close(self) -> None:
        self._stream.close()


class AsyncPooledClient:
    """A connection pool for coroutines."""

    def __init__(self, limits: httpx.Limits) -> None:
        self._pool = httpcore.AsyncConnectionPool(**_pool_options(limits))

    async def send(self, request: SendRequest) -> AsyncPooledResponse:
        """Send a request, and receive the head of its response."""
        # A stream has timeouts of its own.
        timeout = None if request.streams else request.read
        return AsyncPooledResponse(await self._pool.handle_async_request(_make_request(request, timeout)))

    async def close(self) -> None:
        await self._pool.aclose()


class AsyncPooledResponse:
    """A response whose body is unread."""

    def __init__(self, response: httpcore.Response) -> None:
        self.status_code = response.status
        self.headers = headers = merge_headers(response.headers)
        self.content_encoding = headers.get("content-encoding", "")
        self.is_http1 = True
        self._stream = cast(Any, response.stream)
        self._chunks: AsyncIterator[bytes] = aiter(self._stream)
        self._network = response.extensions["network_stream"]

    async def receive(self) -> bytes | None:
        """The next data, None at the end."""
        return await anext(self._chunks, None)

    async def close(self, *, is_exhausted: bool) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""
        if is_exhausted:
            await self._stream.aclose()
            return
        import anyio

        with anyio.CancelScope(shield=True):
            with anyio.CancelScope() as scope, contextlib.suppress(httpcore.NetworkError, OSError, RuntimeError):
                # Cancellation makes httpcore's generators clean up, the innermost first. Otherwise they would when they
                # are garbage-collected, which trio warns of.
                scope.cancel()
                while await anext(self._chunks, None) is not None:
                    pass
            await self._stream.aclose()

    def abandon(self, *, is_loop_closed: bool) -> None:
        """Disconnect at once, from any thread."""
        shutdown.shut_down(self._network)


def _pool_options(limits: httpx.Limits) -> dict[str, Any]:
    return {
        "ssl_context": httpx.create_ssl_context(),
        "max_connections": limits.max_connections,
        "max_keepalive_connections": limits.max_keepalive_connections,
        "keepalive_expiry": limits.keepalive_expiry,
        "socket_options": socket_options(),
    }


def _make_request(request: SendRequest, read: float | None) -> httpcore.Request:
    # A function of its own, so that no frame of a traceback has the key among its variables.
    address = parse_url(request.url, request.query)
    url = address.url
    timeouts = {"connect": request.connect, "read": read, "write": request.write, "pool": request.pool}
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=cast("list[tuple[bytes, bytes]]", encode_headers(request_headers(request, address))),
        content=request.content or b"",
        extensions={"timeout": timeouts},
    )
