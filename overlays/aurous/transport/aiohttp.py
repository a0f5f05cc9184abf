"""An httpx transport over aiohttp's connection pool, which costs many coroutines a fraction of httpcore's. An extra.

`httpx-aiohttp` does the work. This maps errors that it does not map, or maps wrongly: it reports a lost connection as
one that could not be made, after which a call could be sent twice.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from .aiohttp_session import AllConnectionsBusyError, open_session

# The first match applies.
_ERROR_TYPES: tuple[tuple[type[Exception], type[httpx.HTTPError]], ...] = (
    (AllConnectionsBusyError, httpx.PoolTimeout),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerFingerprintMismatch, httpx.ConnectError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ClientError, httpx.ReadError),
)


_LARGE_BODY: Final = 1024 * 1024
_CLOSED_MESSAGES = ("Session is closed", "Connector is closed", "Connection closed")


class StrictAiohttpTransport(AiohttpTransport):
    """A transport of one asyncio event loop."""

    def __init__(self, limits: httpx.Limits) -> None:
        super().__init__(limits=limits, client=self._open)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if len(request.content) > _LARGE_BODY:
            # aiohttp warns of large bodies that are bytes, since it sends them in one piece.
            request._content = io.BytesIO(request.content)  # type: ignore[assignment]
        try:
            response = await super().handle_async_request(request)
        except Exception as error:
            failure = _to_httpx_error(error)
        else:
            response.stream = _Stream(response.stream)
            response.extensions["network_stream"] = _NetworkStream(response.stream)
            if response.status_code >= HTTPStatus.OK:
                return response
            # An informational response: aiohttp returns a change of protocol that nobody asked for.
            response.stream.abandon()
            failure = httpx.RemoteProtocolError(f"unexpected status {response.status_code}")
        # Not inside the except block: aiohttp's exceptions refer to the request, and so to the key.
        raise failure

    def _open(self) -> aiohttp.ClientSession:
        return open_session(self.limits, self.ssl_context, skip_auto_headers=("Content-Type",))


class _Stream(httpx.AsyncByteStream):
    """A response body that yields all received data before it raises an error."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._response: aiohttp.ClientResponse = stream._aiohttp_response
        self._content: Any = self._response.content
        self._failure: Exception | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        data = b""
        if self._failure is None:
            try:
                data = await self._content.readany()
            except Exception as error:
                self._failure = _to_httpx_error(error)
                if self._content.exception() is not error:
                    raise self._failure from None
                # aiohttp's reader holds buffered data back once its connection has failed.
                self._content.set_exception(None)
                data = self._content.read_nowait()
        if data:
            return data
        raise self._failure or StopAsyncIteration

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """None once the connection was given back."""
        connection = self._response.connection
        return None if connection is None else connection.transport

    def abandon(self) -> None:
        """Close the connection."""
        self._response.close()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
            return
        except Exception as error:
            failure = _to_httpx_error(error)
        raise failure


class _NetworkStream:
    """The connection of a response, as the streams of httpcore describe theirs."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def get_extra_info(self, name: str) -> Any:
        transport = self._stream.transport
        return None if transport is None else transport.get_extra_info(name)


def _to_httpx_error(error: Exception) -> Exception:
    """The corresponding httpx exception."""
    cause = error.__cause__ if isinstance(error, httpx.HTTPError) else error
    if isinstance(cause, aiohttp.ClientConnectionError):
        # aiohttp shares one instance among closed connections: it would keep the frames of all who caught it.
        cause.__traceback__ = cause.__context__ = None
    if isinstance(cause, RuntimeError) and str(cause).startswith(_CLOSED_MESSAGES):
        return httpx.ReadError(str(cause))
    kind = next((kind for one, kind in _ERROR_TYPES if isinstance(cause, one)), None)
    if cause is None or kind is None:
        return error
    translated = kind(_describe(cause))
    translated.__cause__ = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", None)
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
