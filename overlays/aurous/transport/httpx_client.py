"""Requests by httpx's public client: one that the user brings, or one for proxies and for tools that patch httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import httpx

from .convert import ACCEPTED_CODINGS, merge_headers, parse_url
from .effects import API_KEY_HEADER, SendRequest
from .httpx_deadlines import DEADLINE, VariableTimeout, enforce_deadline, enforce_on_connect
from .network import close_unread, shut_down

_CODINGS = {"Accept-Encoding": ACCEPTED_CODINGS}
# What a user's client may add to every request, by names in lower case.
_CREDENTIALS = frozenset({"authorization", "cookie", API_KEY_HEADER.lower()})


class HttpxClient:
    """An httpx.Client in the form that `SyncTransport` uses."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, request: SendRequest, deadline: float) -> HttpxResponse:
        """Send a request, and receive the head of its response. deadline: by `time.monotonic`"""
        with DEADLINE.until(deadline):
            response = self._client.send(
                _make_request(self._client, request, request.read, trace=enforce_on_connect),
                stream=True,
                follow_redirects=False,
                **_credentials(request),
            )
        return HttpxResponse(response, deadline)

    def close(self) -> None:
        self._client.close()


class HttpxResponse:
    """A response whose body is unread."""

    def __init__(self, response: httpx.Response, deadline: float) -> None:
        self.status_code = response.status_code
        self.headers = merge_headers(response.headers.raw)
        self.content_encoding = _content_encoding(response)
        self.is_http1 = response.http_version.startswith("HTTP/1")
        self._response = response
        self._deadline = deadline
        self._chunks: Iterator[bytes] | None = None
        self._timeout: VariableTimeout | None = None

    def receive(self, remaining: Callable[[], float] | None = None) -> bytes | None:
        """The next data, None at the end. remaining: the seconds that it may wait; by default until the deadline"""
        if self._chunks is None:
            if remaining is not None and enforce_deadline(self._response.extensions.get("network_stream")):
                self._timeout = VariableTimeout()
                # Replaces the read timeout, which is the same for all reads.
                self._response.request.extensions["timeout"]["read"] = self._timeout
            self._chunks = iter(
                self._response.iter_bytes() if self._response.is_stream_consumed else cast(Any, self._response.stream)
            )
        if remaining is None:
            with DEADLINE.until(self._deadline):
                return next(self._chunks, None)
        if self._timeout is None:
            # The connection cannot compute it.
            remaining()
            return next(self._chunks, None)
        self._timeout.remaining = remaining
        try:
            return next(self._chunks, None)
        finally:
            self._timeout.remaining = None

    def close(self) -> None:
        self._response.close()


class AsyncHttpxClient:
    """An httpx.AsyncClient in the form that `AsyncTransport` uses."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, request: SendRequest) -> AsyncHttpxResponse:
        """Send a request, and receive the head of its response."""
        # A stream has timeouts of its own, while a transport may have one read timeout for a whole response.
        timeout = None if request.streams else request.read
        return AsyncHttpxResponse(
            await self._client.send(
                _make_request(self._client, request, timeout),
                stream=True,
                follow_redirects=False,
                **_credentials(request),
            )
        )

    async def close(self) -> None:
        await self._client.aclose()


class AsyncHttpxResponse:
    """A response whose body is unread."""

    def __init__(self, response: httpx.Response) -> None:
        self.status_code = response.status_code
        self.headers = merge_headers(response.headers.raw)
        self.content_encoding = _content_encoding(response)
        self.is_http1 = response.http_version.startswith("HTTP/1")
        self._response = response
        self._chunks: AsyncIterator[bytes] = aiter(
            response.aiter_bytes() if response.is_stream_consumed else cast(Any, response.stream)
        )

    async def receive(self) -> bytes | None:
        """The next data, None at the end."""
        return await anext(self._chunks, None)

    async def close(self, *, is_exhausted: bool) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""
        if is_exhausted:
            await self._response.aclose()
        else:
            await close_unread(self._chunks, self._response.aclose)

    def abandon(self, *, is_loop_closed: bool) -> None:
        """Disconnect at once, from any thread."""
        # The connections of HTTP/2 carry other streams as well.
        if self.is_http1:
            shut_down(self._response.extensions.get("network_stream"))


def _content_encoding(response: httpx.Response) -> str:
    """Empty for a response that a hook of the client has read, and httpx decoded."""
    return "" if response.is_stream_consumed else response.headers.get("content-encoding", "")


def _credentials(request: SendRequest) -> dict[str, None]:
    """Arguments of httpx: without those of the user's client where the key is not sent either."""
    return {"auth": None} if request.api_key is None else {}


def _make_request(
    client: httpx.Client | httpx.AsyncClient, request: SendRequest, read: float | None, trace: object = None
) -> httpx.Request:
    # A function of its own, so that no frame of a traceback has the key among its variables.
    made = client.build_request(
        request.method,
        parse_url(request.url, request.query).url,
        headers={
            # httpx may know codings that this library does not decode.
            **({} if any(name.lower() == "accept-encoding" for name in request.headers) else _CODINGS),
            **request.headers,
            **({} if request.api_key is None else {API_KEY_HEADER: request.api_key.reveal()}),
        },
        content=request.content,
        timeout=httpx.Timeout(connect=request.connect, read=read, write=request.write, pool=request.pool),
        extensions={"trace": trace} if trace else None,
    )
    if request.api_key is None:
        for name in _CREDENTIALS & made.headers.keys():
            del made.headers[name]
    return made
