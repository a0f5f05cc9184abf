"""Connections of this library over httpcore, for threads and for coroutines of asyncio or trio.

httpcore has no deadline: its timeouts start anew with every byte. So the connections of threads are given theirs as
`RequestTimeouts`, which httpcore passes on unchanged in place of seconds. Coroutines are cancelled at their deadline.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, cast

import httpcore
import httpx

from .convert import encode_headers, merge_headers, parse_url
from .effects import MIN_TIMEOUT, SendRequest
from .keepalive import readiness, socket_options
from .network import close_unread, connect, shut_down

_WRITE_SIZE: Final = 64 * 1024
# `recv` allocates as much as it may read, which for every event of a slow stream would fragment the heap. More is read
# while there is more than this to read.
_SMALL_READ: Final = 4 * 1024


class PooledClient:
    """A connection pool for threads."""

    def __init__(self, limits: httpx.Limits) -> None:
        self._pool = httpcore.ConnectionPool(network_backend=DeadlineBackend(), **_pool_options(limits))

    def send(self, request: SendRequest, deadline: float) -> PooledResponse:
        """Send a request, and receive the head of its response. deadline: by `time.monotonic`"""
        timeouts = RequestTimeouts(request, deadline)
        extensions = {"connect": timeouts, "read": timeouts, "write": timeouts, "pool": request.pool}
        return PooledResponse(self._pool.handle_request(_make_request(request, extensions)), timeouts)

    def close(self) -> None:
        self._pool.close()


class PooledResponse:
    """A response whose body is unread."""

    is_http1 = True

    def __init__(self, response: httpcore.Response, timeouts: RequestTimeouts) -> None:
        self.status_code = response.status
        self.headers = headers = merge_headers(response.headers)
        self.content_encoding = headers.get("content-encoding", "")
        self._timeouts = timeouts
        self._stream = cast(Any, response.stream)
        self._chunks: Iterator[bytes] = iter(self._stream)

    def receive(self, remaining: Callable[[], float] | None = None) -> bytes | None:
        """The next data, None at the end. remaining: the seconds that it may wait; by default until the deadline"""
        if remaining is None:
            return next(self._chunks, None)
        self._timeouts.remaining = remaining
        try:
            return next(self._chunks, None)
        finally:
            # It refers to the stream, which must be freed without the cycle collector.
            self._timeouts.remaining = None

    def close(self) -> None:
        self._stream.close()


class RequestTimeouts:
    """How long the reads and writes of one request may wait: for their timeout or until the deadline."""

    remaining: Callable[[], float] | None = None
    """The seconds that each read may wait, in place of timeout and deadline; for streams, which outlive their call."""

    def __init__(self, request: SendRequest, deadline: float) -> None:
        self.connect = request.connect
        self.read = request.read
        self.write = request.write
        self.is_head_written = False
        self._deadline = deadline

    def __repr__(self) -> str:
        return f"{type(self).__name__}(connect={self.connect}, read={self.read}, write={self.write})"

    def limit(self, seconds: float) -> float:
        """Seconds, or the time until the deadline if it is less. Raises TimeoutError if there is none: a server that
        always has data to read would otherwise never meet a timeout.
        """
        until_deadline = self._deadline - time.monotonic()
        if until_deadline <= 0:
            raise TimeoutError("timed out")
        return min(seconds, until_deadline)


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose reads and writes keep the `RequestTimeouts` of their request."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._read_size = _SMALL_READ
        self._is_readable = readiness(connection)
        self._head = b""

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:
        try:
            remaining = timeout.remaining
            self._socket.settimeout(timeout.limit(timeout.read) if remaining is None else max(remaining(), MIN_TIMEOUT))
            data = self._socket.recv(min(self._read_size, max_bytes))
            self._read_size = max_bytes if len(data) >= _SMALL_READ else _SMALL_READ
            return data
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: Any = None) -> None:
        # The head of a request waits for the body, so that both go out in one packet. httpcore always writes something
        # after it, if only nothing.
        if not timeout.is_head_written:
            timeout.is_head_written, self._head = True, buffer
            return
        unsent = memoryview(self._head + buffer if self._head else buffer)
        self._head = b""
        try:
            while unsent:
                self._socket.settimeout(timeout.limit(timeout.write))
                unsent = unsent[self._socket.send(unsent[:_WRITE_SIZE]) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: Any = None
    ) -> DeadlineStream:
        with _connect_errors():
            try:
                # The timeout bounds the whole handshake, not each of its reads.
                self._socket.settimeout(timeout.limit(timeout.connect))
                return DeadlineStream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname))
            except BaseException:
                self.close()
                raise

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # The descriptor of a closed socket may belong to another one by now.
            return self._socket.fileno() < 0 or bool(self._is_readable())
        if info == "socket":
            return self._socket
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        return None


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects within the `RequestTimeouts` of a request."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> DeadlineStream:
        with _connect_errors():
            connection = connect(host, port, timeout.limit(timeout.connect))
            try:
                for option in (*(socket_options or ()), (socket.IPPROTO_TCP, socket.TCP_NODELAY, True)):
                    connection.setsockopt(*option)
            except BaseException:
                connection.close()
                raise
            return DeadlineStream(connection)


@contextlib.contextmanager
def _connect_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error


class AsyncBackend(httpcore.AsyncNetworkBackend):
    """Connects in event loops of asyncio, or else of trio, as httpcore does."""

    def __init__(self, *, is_asyncio: bool) -> None:
        # Where their library is not installed, httpcore has other classes in their place.
        self._backend: Any = httpcore.AnyIOBackend() if is_asyncio else httpcore.TrioBackend()

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
    """A connection before TLS, or without it, that is closed if its handshake is cancelled.

    httpcore closes it after an Exception only, which a cancellation is not: its socket would be left to the garbage
    collector.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    # Functions that return coroutines: another coroutine around each read would take longer. Type checkers disagree on
    # what a function must return that stands for a coroutine function.

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> Any:
        return self._stream.write(buffer, timeout)

    def aclose(self) -> Any:
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


class AsyncPooledClient:
    """A connection pool for coroutines. is_asyncio: whether they are those of asyncio, or else of trio"""

    def __init__(self, limits: httpx.Limits, *, is_asyncio: bool) -> None:
        backend = AsyncBackend(is_asyncio=is_asyncio)
        self._pool = httpcore.AsyncConnectionPool(network_backend=backend, **_pool_options(limits))

    async def send(self, request: SendRequest) -> AsyncPooledResponse:
        """Send a request, and receive the head of its response."""
        # A stream has timeouts of its own.
        read = None if request.streams else request.read
        timeouts = {"connect": request.connect, "read": read, "write": request.write, "pool": request.pool}
        return AsyncPooledResponse(await self._pool.handle_async_request(_make_request(request, timeouts)))

    async def close(self) -> None:
        await self._pool.aclose()


class AsyncPooledResponse:
    """A response whose body is unread."""

    is_http1 = True

    def __init__(self, response: httpcore.Response) -> None:
        self.status_code = response.status
        self.headers = headers = merge_headers(response.headers)
        self.content_encoding = headers.get("content-encoding", "")
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
        else:
            await close_unread(self._chunks, self._stream.aclose)

    def abandon(self, *, is_loop_closed: bool) -> None:
        """Disconnect at once, from any thread."""
        shut_down(self._network)


def _pool_options(limits: httpx.Limits) -> dict[str, Any]:
    return {
        "ssl_context": httpx.create_ssl_context(),
        "max_connections": limits.max_connections,
        "max_keepalive_connections": limits.max_keepalive_connections,
        "keepalive_expiry": limits.keepalive_expiry,
        "socket_options": socket_options(),
    }


@lru_cache(maxsize=256)
def _httpcore_url(address: str, query: tuple[tuple[str, str], ...]) -> httpcore.URL:
    url = parse_url(address, query).url
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _make_request(request: SendRequest, timeouts: dict[str, Any]) -> httpcore.Request:
    # A function of its own, so that no frame of a traceback has the key among its variables.
    address = parse_url(request.url, request.query)
    return httpcore.Request(
        request.method,
        _httpcore_url(request.url, request.query),
        headers=encode_headers(request, address),
        content=request.content or b"",
        extensions={"timeout": timeouts},
    )
