"""Sends requests by httpx's public client while a tool patches httpx, else directly. Decided for each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from . import patched_httpx
from .effects import SendRequest
from .locks import ForkSafeLock

if TYPE_CHECKING:
    # Named as strings below, which are not evaluated: threads need not load what coroutines do.
    from .async_exchange import AsyncHTTPClient, AsyncHTTPResponse  # noqa: F401
    from .exchange import HTTPClient, HTTPResponse  # noqa: F401

ClientT = TypeVar("ClientT")


class _Switch(Generic[ClientT]):
    """The direct client, and the public one, which is made when it is first needed.

    make_public: makes the client for tools that patch httpx
    """

    def __init__(self, direct: ClientT, make_public: Callable[[], ClientT]) -> None:
        self._direct = direct
        self._make_public = make_public
        self._public: ClientT | None = None
        self._lock = ForkSafeLock()

    def _choose(self, *, is_patched: bool) -> ClientT:
        if not is_patched:
            return self._direct
        # Of two threads that come at once, one would make a client that nothing closes.
        with self._lock:
            if self._public is None:
                self._public = self._make_public()
            return self._public


class SwitchingClient(_Switch["HTTPClient"]):
    """Sends from threads."""

    def send(self, request: SendRequest) -> HTTPResponse:
        return self._choose(is_patched=patched_httpx.is_patched()).send(request)

    def close(self) -> None:
        try:
            if self._public is not None:
                self._public.close()
        finally:
            self._direct.close()


class AsyncSwitchingClient(_Switch["AsyncHTTPClient"]):
    """Sends from coroutines."""

    async def send(self, request: SendRequest) -> AsyncHTTPResponse:
        return await self._choose(is_patched=patched_httpx.is_async_patched()).send(request)

    async def close(self) -> None:
        try:
            if self._public is not None:
                await self._public.close()
        finally:
            await self._direct.close()
