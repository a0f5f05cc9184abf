"""Sends each request through the proxy that the environment names for its address, or through none."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Generic, TypeVar

import httpx

from .._config.environment import Proxies
from .locks import ForkSafeLock

TransportT = TypeVar("TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)

_ORIGINS: Final = 64


class ProxyRouter(Generic[TransportT]):
    """One transport for each proxy and one for no proxy, made when they are needed.

    make: makes one for the URL of a proxy, or for none
    """

    def __init__(self, proxies: Proxies, make: Callable[[str | None], TransportT]) -> None:
        self._make: Callable[[str | None], TransportT] = make
        self._lock = ForkSafeLock()
        self._transports: dict[str | None, TransportT] = {}
        self._proxy_of = lru_cache(_ORIGINS)(proxies.url_for)

    def route(self, request: httpx.Request) -> TransportT:
        url = request.url
        proxy = self._proxy_of(f"{url.scheme}://{url.netloc.decode('ascii')}")
        with self._lock:
            if proxy not in self._transports:
                self._transports[proxy] = self._make(proxy)
            return self._transports[proxy]

    def take_all(self) -> list[TransportT]:
        """The transports, to be closed."""
        with self._lock:
            transports, self._transports = list(self._transports.values()), {}
        return transports


class ProxiedTransport(httpx.BaseTransport):
    """Sends from threads."""

    def __init__(self, router: ProxyRouter[httpx.BaseTransport]) -> None:
        self._router = router

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._router.route(request).handle_request(request)

    def close(self) -> None:
        for transport in self._router.take_all():
            transport.close()


class AsyncProxiedTransport(httpx.AsyncBaseTransport):
    """Sends from coroutines."""

    def __init__(self, router: ProxyRouter[httpx.AsyncBaseTransport]) -> None:
        self._router = router

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._router.route(request).handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._router.take_all():
            await transport.aclose()
