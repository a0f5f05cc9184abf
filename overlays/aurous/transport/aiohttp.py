"""httpx over the connections of aiohttp, which carry many coroutines at a fraction of the cost. Needs an extra.

`httpx-aiohttp` is the bridge. This tells its failures apart as httpx does: of a connection that was lost it says that
none could be made, after which a call would be made again that may have been carried out, and some it does not
translate at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

# The first that fits.
_KINDS: tuple[tuple[type[Exception], type[httpx.HTTPError]], ...] = (
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


_CLOSED = ("Session is closed", "Connector is closed", "Connection closed")


class Bridge(AiohttpTransport):
    """A transport for an httpx.AsyncClient in one event loop of asyncio."""

    def __init__(self, limits: httpx.Limits) -> None:
        super().__init__(limits=limits, client=self._open)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await super().handle_async_request(request)
        except Exception as error:
            failure = _translated(error)
        else:
            response.stream = _Stream(response.stream)
            response.extensions["network_stream"] = _NetworkStream(response.stream)
            if response.status_code >= HTTPStatus.OK:
                return response
            # A change of protocol that nobody asked for.
            response.stream.abandon()
            failure = httpx.RemoteProtocolError(f"unexpected status {response.status_code}")
        # Not where it was caught: what aiohttp raises has the request with it, and so the key.
        raise failure

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self.limits.max_connections or 0,
            keepalive_timeout=self.limits.keepalive_expiry,
            ssl=self.ssl_context,
        )
        # Cookies are the affair of httpx.
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=("Content-Type",)
        )


class _Stream(httpx.AsyncByteStream):
    """The body of a response, all that came of it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._response: aiohttp.ClientResponse = stream._aiohttp_response
        self._content: Any = self._response.content
        self._failure: Exception | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = b""
        if self._failure is None:
            try:
                piece = await self._content.readany()
            except Exception as error:
                self._failure = _translated(error)
                if self._content.exception() is not error:
                    raise self._failure from None
                # A reader whose connection breaks keeps back what had come before.
                self._content.set_exception(None)
                piece = self._content.read_nowait()
        if piece:
            return piece
        raise self._failure or StopAsyncIteration

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        """None once the connection was given back."""
        connection = self._response.connection
        return None if connection is None else connection.transport

    def abandon(self) -> None:
        """Close the connection, which is of no more use."""
        self._response.close()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
            return
        except Exception as error:
            failure = _translated(error)
        raise failure


class _NetworkStream:
    """The connection of a response, as the streams of httpcore describe theirs."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def get_extra_info(self, name: str) -> Any:
        transport = self._stream.transport
        return None if transport is None else transport.get_extra_info(name)


def _translated(error: Exception) -> Exception:
    """The failure as httpx would call it."""
    known = error.__cause__ if isinstance(error, httpx.HTTPError) else error
    if isinstance(known, aiohttp.ClientConnectionError):
        # There is one for all connections that are closed: it would keep the frames of everyone who ever met it.
        known.__traceback__ = known.__context__ = None
    if isinstance(known, RuntimeError) and str(known).startswith(_CLOSED):
        return httpx.ReadError(str(known))
    kind = next((kind for one, kind in _KINDS if isinstance(known, one)), None)
    if known is None or kind is None:
        return error
    made = kind(_words(known))
    made.__cause__ = getattr(known, "certificate_error", None) or getattr(known, "os_error", None)
    return made


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ServerTimeoutError):
        # How long it was is known to others.
        return ""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server hung up"
    if isinstance(error, aiohttp.ClientResponseError):
        return error.message.partition("\n")[0]
    return str(error)
