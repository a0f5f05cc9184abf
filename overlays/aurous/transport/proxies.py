"""Sends each request through the proxy that the environment names for its address, or through none."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Generic, TypeVar

from .._config.environment import Proxies
from .convert import parse_url
from .effects import SendRequest
from .interfaces import AsyncHTTPClient, AsyncHTTPResponse, HTTPClient, HTTPResponse
from .locks import fork_safe_lock

ClientT = TypeVar("ClientT")

_ORIGINS: Final = 64


class ProxyRouter(Generic[ClientT]):
    """One client for each proxy and one for no proxy, made when they are needed.

    make: makes one for the URL of a proxy, or for none
    """

    def __init__(self, proxies: Proxies, make: Callable[[str | None], ClientT]) -> None:
        self._make: Callable[[str | None], ClientT] = make
        self._lock = fork_safe_lock(self)
        self._clients: dict[str | None, ClientT] = {}
        self._proxy_of = lru_cache(_ORIGINS)(proxies.url_for)

    def route(self, request: SendRequest) -> ClientT:
        address = parse_url(request.url)
        proxy = self._proxy_of(f"{address.url.scheme}://{address.host_header}")
        with self._lock:
            if proxy not in self._clients:
                self._clients[proxy] = self._make(proxy)
            return self._clients[proxy]

    def take_all(self) -> list[ClientT]:
        """The clients, to be closed."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        return clients


class ProxiedClient:
    """Sends from threads."""

    def __init__(self, router: ProxyRouter[HTTPClient]) -> None:
        self._router = router

    def send(self, request: SendRequest, deadline: float) -> HTTPResponse:
        return self._router.route(request).send(request, deadline)

    def close(self) -> None:
        for client in self._router.take_all():
            client.close()


class AsyncProxiedClient:
    """Sends from coroutines."""

    def __init__(self, router: ProxyRouter[AsyncHTTPClient]) -> None:
        self._router = router

    async def send(self, request: SendRequest) -> AsyncHTTPResponse:
        return await self._router.route(request).send(request)

    async def close(self) -> None:
        for client in self._router.take_all():
            await client.close()
