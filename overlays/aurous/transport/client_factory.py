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
    uses_aiohttp = backend != "httpx" and event_loop.is_asyncio() and _aiohttp_problem() is None

    def transport(proxy: str | None) -> httpx.AsyncBaseTransport:
        if proxy is not None or not uses_aiohttp:
            return _make(lambda: httpx.AsyncHTTPTransport(limits=LIMITS, proxy=proxy, socket_options=socket_options()))
        from .aiohttp import StrictAiohttpTransport

        return _make(lambda: StrictAiohttpTransport(LIMITS))

    if not proxies:
        return AsyncRawClient(transport(None))
    from .proxies import AsyncProxiedTransport, ProxyRouter

    return AsyncRawClient(AsyncProxiedTransport(ProxyRouter(proxies, transport)))


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
