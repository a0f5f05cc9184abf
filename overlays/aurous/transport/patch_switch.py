"""Sends requests by httpx's public client while a tool patches httpx, else directly. Decided for each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import patched_httpx
from .effects import SendRequest

if TYPE_CHECKING:
    from .async_exchange import AsyncHTTPClient, AsyncHTTPResponse
    from .exchange import HTTPClient, HTTPResponse


class SwitchingClient:
    """Sends from threads.

    make_public: makes the client for tools that patch httpx
    """

    def __init__(self, direct: HTTPClient, make_public: Callable[[], HTTPClient]) -> None:
        self._direct = direct
        self._make_public = make_public
        self._public: HTTPClient | None = None

    def send(self, request: SendRequest) -> HTTPResponse:
        if not patched_httpx.is_patched():
            return self._direct.send(request)
        if self._public is None:
            self._public = self._make_public()
        return self._public.send(request)

    def close(self) -> None:
        if self._public is not None:
            self._public.close()
        self._direct.close()


class AsyncSwitchingClient:
    """Sends from coroutines. Arguments as those of `SwitchingClient`."""

    def __init__(self, direct: AsyncHTTPClient, make_public: Callable[[], AsyncHTTPClient]) -> None:
        self._direct = direct
        self._make_public = make_public
        self._public: AsyncHTTPClient | None = None

    async def send(self, request: SendRequest) -> AsyncHTTPResponse:
        if not patched_httpx.is_async_patched():
            return await self._direct.send(request)
        if self._public is None:
            self._public = self._make_public()
        return await self._public.send(request)

    async def close(self) -> None:
        if self._public is not None:
            await self._public.close()
        await self._direct.close()
