"""Minimal HTTP clients over httpx transports.

httpx.Client also keeps cookies, follows redirects, authenticates and logs. Calls of this API need none of it, and it
takes three times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from . import patched_httpx

_HEADERS = (("Accept-Encoding", "gzip, deflate"), ("Connection", "keep-alive"))
_HAVE_A_BODY = ("POST", "PUT", "PATCH")


class RawClient:
    """Used in place of an httpx.Client. Thread-safe."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport
        # On the same connections. Its own defaults would read proxies and passwords from the environment.
        self._public = httpx.Client(transport=transport, trust_env=False)

    def build_request(self, method: str, url: httpx.URL, **parts: Any) -> httpx.Request:
        return _request(method, url, **parts)

    def send(self, request: httpx.Request, *, stream: bool, follow_redirects: bool) -> httpx.Response:
        if patched_httpx.is_patched():
            return self._public.send(request, stream=stream, follow_redirects=follow_redirects)
        response = self._transport.handle_request(request)
        response.request = request
        return response

    def close(self) -> None:
        self._transport.close()


class AsyncRawClient:
    """Used in place of an httpx.AsyncClient.

    make_public_transport: makes a transport of httpx, for tools that patch it, if `transport` is of another library
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        make_public_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._transport = transport
        self._make_public_transport = make_public_transport
        self._public: httpx.AsyncClient | None = None

    def build_request(self, method: str, url: httpx.URL, **parts: Any) -> httpx.Request:
        return _request(method, url, **parts)

    async def send(self, request: httpx.Request, *, stream: bool, follow_redirects: bool) -> httpx.Response:
        if patched_httpx.is_async_patched():
            if self._public is None:
                transport = self._transport if self._make_public_transport is None else self._make_public_transport()
                self._public = httpx.AsyncClient(transport=transport, trust_env=False)
            return await self._public.send(request, stream=stream, follow_redirects=follow_redirects)
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    async def aclose(self) -> None:
        if self._public is not None:
            await self._public.aclose()
        await self._transport.aclose()


def _request(
    method: str,
    url: httpx.URL,
    *,
    params: Any,
    headers: Mapping[str, str],
    content: bytes | None,
    timeout: httpx.Timeout,
    extensions: Mapping[str, Any] | None,
) -> httpx.Request:
    # The headers that httpx would add, at a fraction of the cost.
    fields = [("Host", url.netloc.decode("ascii")), *_HEADERS]
    body = content or b""
    if content is not None or method in _HAVE_A_BODY:
        fields.append(("Content-Length", str(len(body))))
    explicit = {name.lower() for name in headers}
    request = httpx.Request(
        method,
        url,
        params=params,
        headers=[*(field for field in fields if field[0].lower() not in explicit), *headers.items()],
        stream=httpx.ByteStream(body),
        extensions={"timeout": timeout.as_dict(), **(extensions or {})},
    )
    # Otherwise httpx detects it again for each header.
    request.headers.encoding = "ascii"
    request.read()
    return request
