"""Connections of this library over aiohttp, which carry many coroutines at a fraction of httpcore's cost. An extra.

They are probed, never stale, and as tolerant of headers as httpx's.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import aiohttp
import httpcore
import httpx
from yarl import URL

from .convert import merge_headers, parse_url, request_headers
from .effects import SendRequest
from .keepalive import readiness, socket_options
from .network import shut_down_socket

if TYPE_CHECKING:
    from aiohttp.connector import Connection


class AllConnectionsBusyError(aiohttp.ClientError):
    """None of the connections became free in time. No TimeoutError, which aiohttp would replace."""


# The first match applies. A lost connection must not count as one that could not be made: the call could be sent twice.
_ERROR_TYPES: tuple[tuple[type[Exception], type[Exception]], ...] = (
    (AllConnectionsBusyError, httpcore.PoolTimeout),
    (aiohttp.ConnectionTimeoutError, httpcore.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpcore.ReadTimeout),
    (aiohttp.ClientConnectorError, httpcore.ConnectError),
    (aiohttp.ServerFingerprintMismatch, httpcore.ConnectError),
    (aiohttp.ClientPayloadError, httpcore.RemoteProtocolError),
    (aiohttp.ServerDisconnectedError, httpcore.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpcore.RemoteProtocolError),
    (aiohttp.InvalidURL, httpcore.UnsupportedProtocol),
    (aiohttp.ClientError, httpcore.ReadError),
)
# httpcore takes heads of 100 KiB, aiohttp by default fields of 8,190 bytes and 128 of them.
_MAX_FIELD_SIZE: Final = 100 * 1024
_MAX_FIELDS: Final = 1000
_LARGE_BODY: Final = 1024 * 1024
_CLOSED_MESSAGES = ("Session is closed", "Connector is closed", "Connection closed")


class AiohttpClient:
    """A connection pool of one asyncio event loop."""

    def __init__(self, limits: httpx.Limits) -> None:
        connector = _Connector(
            limit=limits.max_connections or 0,
            keepalive_timeout=limits.keepalive_expiry,
            ssl=httpx.create_ssl_context(),
        )
        # Older versions count no fields.
        counts_fields = "max_headers" in inspect.signature(aiohttp.ClientSession).parameters
        field_limit: dict[str, Any] = {"max_headers": _MAX_FIELDS} if counts_fields else {}
        self._session = aiohttp.ClientSession(
            connector=connector,
            # No cookies, as with httpcore.
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type", "Accept", "User-Agent"),
            auto_decompress=False,
            max_line_size=_MAX_FIELD_SIZE,
            max_field_size=_MAX_FIELD_SIZE,
            **field_limit,
        )

    async def send(self, request: SendRequest) -> AiohttpResponse:
        """Send a request, and receive the head of its response."""
        address = parse_url(request.url, request.query)
        try:
            response = await self._session.request(
                request.method,
                _yarl_url(request.url, request.query),
                headers=request_headers(request, address),
                data=_to_payload(request.content),
                allow_redirects=False,
                # A stream has timeouts of its own.
                timeout=_client_timeout(request.pool, request.connect, None if request.streams else request.read),
            )
        except Exception as error:
            failure = _to_httpcore_error(error)
        else:
            if response.status >= 200:
                return AiohttpResponse(response)
            # aiohttp returns a change of protocol that nobody asked for.
            response.close()
            failure = httpcore.RemoteProtocolError(f"unexpected status {response.status}")
        # Not inside the except block: aiohttp's exceptions refer to the request, and so to the key.
        raise failure

    async def close(self) -> None:
        await self._session.close()


class AiohttpResponse:
    """A response whose body is unread. It yields all received data before it raises an error."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status_code = response.status
        self.headers = headers = merge_headers(response.raw_headers)
        self.content_encoding = headers.get("content-encoding", "")
        self.is_http1 = True
        self._response = response
        self._content = response.content
        self._failure: Exception | None = None

    async def receive(self) -> bytes | None:
        """The next data, None at the end."""
        data = b""
        if self._failure is None:
            try:
                data = await self._content.readany()
            except Exception as error:
                self._failure = _to_httpcore_error(error)
                if self._content.exception() is not error:
                    raise self._failure from None
                # aiohttp's reader holds buffered data back once its connection has failed.
                self._content.set_exception(None)  # type: ignore[arg-type]
                data = self._content.read_nowait()
        if data:
            return data
        if self._failure is not None:
            raise self._failure
        return None

    async def close(self, *, is_exhausted: bool) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""
        if is_exhausted:
            self._response.release()
        else:
            self._response.close()

    def abandon(self, *, is_loop_closed: bool) -> None:
        """Disconnect at once, from any thread."""
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            shut_down_socket(connection.transport.get_extra_info("socket"))
        if is_loop_closed:
            self._response.close()


class _Connector(aiohttp.TCPConnector):
    """Gives out no connection that the server has closed, which the event loop may not have noticed yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Of each connection that was used, whether it is readable.
        self._probes: WeakKeyDictionary[Any, Callable[[], object]] = WeakKeyDictionary()

    async def connect(self, *arguments: Any, **options: Any) -> Connection:
        while True:
            try:
                connection = await super().connect(*arguments, **options)
            except TimeoutError as error:
                if 0 < self.limit <= len(self._acquired):
                    raise AllConnectionsBusyError(f"all {self.limit} are in use") from error
                raise
            transport = connection.transport
            connected = None if transport is None else transport.get_extra_info("socket")
            if connected is None:
                return connection
            is_readable = self._probes.get(connection.protocol)
            if is_readable is None:
                self._probes[connection.protocol] = readiness(connected)
                # Those of uvloop refuse some options.
                with suppress(OSError, AttributeError, TypeError):
                    for option in socket_options():
                        connected.setsockopt(*option)
                return connection
            if connected.fileno() >= 0 and not is_readable():
                return connection
            # Nothing was sent on it yet, so this spends no attempt.
            connection.close()


def _to_payload(content: bytes | None) -> bytes | io.BytesIO | None:
    # aiohttp warns of large bodies that are bytes, since it sends them in one piece.
    return io.BytesIO(content) if content and len(content) > _LARGE_BODY else content or None


@lru_cache(maxsize=256)
def _yarl_url(url: str, query: tuple[tuple[str, str], ...]) -> URL:
    return URL(str(parse_url(url, query).url), encoded=True)


@lru_cache(maxsize=256)
def _client_timeout(pool: float, connect: float, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=pool, sock_connect=connect, sock_read=read)


def _to_httpcore_error(error: Exception) -> Exception:
    """The corresponding exception of httpcore."""
    if isinstance(error, aiohttp.ClientConnectionError):
        # aiohttp shares one instance among closed connections: it would keep the frames of all who caught it.
        error.__traceback__ = error.__context__ = None
    if isinstance(error, RuntimeError) and str(error).startswith(_CLOSED_MESSAGES):
        return httpcore.ReadError(str(error))
    kind = next((kind for one, kind in _ERROR_TYPES if isinstance(error, one)), None)
    if kind is None:
        return error
    translated = kind(_describe(error))
    translated.__cause__ = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    return translated


def _describe(error: BaseException) -> str:
    if isinstance(error, aiohttp.ServerTimeoutError):
        # The caller adds the seconds.
        return ""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    if isinstance(error, aiohttp.ClientResponseError):
        return error.message.partition("\n")[0]
    return str(error)
