"""Makes the HTTP clients for users who bring none, and checks the choice of a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import httpx

from .._config.environment import Proxies
from .._config.options import Backend
from ..errors import ConfigurationError
from . import event_loop
from .keepalive import KEEPALIVE_EXPIRY, socket_options
from .raw_client import AsyncRawClient, RawClient

ClientT = TypeVar("ClientT")

# High, for gateways: with httpx's default of 100, the 101st stream waits for a connection.
LIMITS: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=KEEPALIVE_EXPIRY)


def make_client() -> RawClient:
    """A client for threads. Raises ConfigurationError."""
    proxies = Proxies()

    def transport(proxy: str | None) -> httpx.BaseTransport:
        return _make(lambda: httpx.HTTPTransport(limits=LIMITS, proxy=proxy, socket_options=socket_options()))

    if not proxies:
        return RawClient(transport(None))
    from .proxies import ProxiedTransport, ProxyRouter

    return RawClient(ProxiedTransport(ProxyRouter(proxies, transport)))


def make_async_client(backend: Backend) -> AsyncRawClient:
    """A client for the running event loop. Raises ConfigurationError."""
    proxies = Proxies()

    def connect(proxy: str | None) -> httpx.AsyncBaseTransport:
        return _make(lambda: httpx.AsyncHTTPTransport(limits=LIMITS, proxy=proxy, socket_options=socket_options()))

    def connect_by_aiohttp(proxy: str | None) -> httpx.AsyncBaseTransport:
        if proxy is not None:
            return connect(proxy)
        from .aiohttp import StrictAiohttpTransport

        return _make(lambda: StrictAiohttpTransport(LIMITS))

    def transport(make: Callable[[str | None], httpx.AsyncBaseTransport]) -> httpx.AsyncBaseTransport:
        if not proxies:
            return make(None)
        from .proxies import AsyncProxiedTransport, ProxyRouter

        return AsyncProxiedTransport(ProxyRouter(proxies, make))

    if backend == "httpx" or not event_loop.is_asyncio() or _aiohttp_problem() is not None:
        return AsyncRawClient(transport(connect))
    # Who asks for aiohttp by name gets it in any case.
    make_public_transport = (lambda: transport(connect)) if backend == "auto" else None
    return AsyncRawClient(transport(connect_by_aiohttp), make_public_transport)


def check_backend(backend: Backend) -> None:
    """Raises ConfigurationError for a backend that does not exist or is not installed."""
    if backend not in ("auto", "httpx", "aiohttp"):
        raise ConfigurationError(f"backend must be 'auto', 'httpx' or 'aiohttp', not {backend!r}")
    problem = _aiohttp_problem() if backend == "aiohttp" else None
    if problem is not None:
        raise ConfigurationError(f"backend='aiohttp' needs an extra: {problem}")


def _aiohttp_problem() -> str | None:
    from .._optional import HTTPX_AIOHTTP

    return HTTPX_AIOHTTP.problem()


def _make(kind: Callable[[], ClientT]) -> ClientT:
    try:
        return kind()
    except Exception as error:
        # httpx reads proxies and certificates from the environment.
        raise ConfigurationError(f"httpx cannot be set up: {error}") from error


def type_name(thing: object) -> str:
    return f"{type(thing).__module__.partition('.')[0]}.{type(thing).__qualname__}"
