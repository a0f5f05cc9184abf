"""Chooses and makes the HTTP client of a transport: the user's own, or connections of this library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import httpx

from .._config.environment import Proxies
from .._config.options import Backend
from ..errors import ConfigurationError
from .interfaces import AsyncHTTPClient, HTTPClient
from .keepalive import KEEPALIVE_EXPIRY, socket_options

ClientT = TypeVar("ClientT")

# High, for gateways: with httpx's default of 100, the 101st stream waits for a connection.
LIMITS: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=KEEPALIVE_EXPIRY)

# The modules of the HTTP libraries are imported with the first client that needs them.


def make_client(user_client: httpx.Client | None) -> HTTPClient:
    """A client for threads: the user's own, if there is one. Raises ConfigurationError."""
    if user_client is not None:
        from .httpx_client import HttpxClient

        return HttpxClient(user_client)
    proxies = Proxies()
    if not proxies:
        return _make_connections(None)
    from .proxies import ProxiedClient, ProxyRouter

    return ProxiedClient(ProxyRouter(proxies, _make_connections))


def make_async_client(backend: Backend, user_client: httpx.AsyncClient | None, *, is_asyncio: bool) -> AsyncHTTPClient:
    """A client for the running event loop: the user's own, if there is one. Raises ConfigurationError.

    is_asyncio: whether the loop is asyncio's
    """
    if user_client is not None:
        from .httpx_client import AsyncHttpxClient

        return AsyncHttpxClient(user_client)
    proxies = Proxies()

    def make_connections(proxy: str | None) -> AsyncHTTPClient:
        return _make_async_connections(proxy, backend, is_asyncio=is_asyncio)

    if not proxies:
        return make_connections(None)
    from .proxies import AsyncProxiedClient, ProxyRouter

    return AsyncProxiedClient(ProxyRouter(proxies, make_connections))


def check_backend(backend: Backend) -> None:
    """Raises ConfigurationError for a backend that does not exist or is not installed."""
    if backend not in ("auto", "httpx", "aiohttp"):
        raise ConfigurationError(f"backend must be 'auto', 'httpx' or 'aiohttp', not {backend!r}")
    problem = _aiohttp_problem() if backend == "aiohttp" else None
    if problem is not None:
        raise ConfigurationError(f"backend='aiohttp' needs an extra: {problem}")


def check_http_client(http_client: object, kind: type[httpx.Client] | type[httpx.AsyncClient]) -> None:
    """Raise ConfigurationError for a client that is not of httpx, or not of this kind."""
    if isinstance(http_client, kind):
        return
    given = type(http_client)
    # httpx's successor is not yet supported.
    if any(base.__module__.partition(".")[0] == "httpx2" for base in given.__mro__):
        raise ConfigurationError(
            f"http_client must be a client of httpx, not of httpx2 ({given.__qualname__}), whose errors and timeouts "
            "are other classes; make an httpx.Client or httpx.AsyncClient with the same settings"
        )
    name = f"{given.__module__.partition('.')[0]}.{given.__qualname__}"
    raise ConfigurationError(f"http_client must be an httpx.{kind.__name__}, not {name}")


def _make_connections(proxy: str | None) -> HTTPClient:
    if proxy is not None:
        return _make_public(proxy)
    from .httpcore_client import PooledClient
    from .patched_httpx import SwitchingClient

    return SwitchingClient(_make(lambda: PooledClient(LIMITS)), _make_public)


def _make_async_connections(proxy: str | None, backend: Backend, *, is_asyncio: bool) -> AsyncHTTPClient:
    if proxy is not None:
        return _make_async_public(proxy)
    from .patched_httpx import AsyncSwitchingClient

    if backend == "httpx" or not is_asyncio or _aiohttp_problem() is not None:
        from .httpcore_client import AsyncPooledClient

        return AsyncSwitchingClient(_make(lambda: AsyncPooledClient(LIMITS, is_asyncio=is_asyncio)), _make_async_public)
    from .aiohttp_client import AiohttpClient

    direct = _make(lambda: AiohttpClient(LIMITS))
    # Who asks for aiohttp by name gets it even if a tool patches httpx.
    return direct if backend == "aiohttp" else AsyncSwitchingClient(direct, _make_async_public)


def _make_public(proxy: str | None = None) -> HTTPClient:
    from .httpx_client import HttpxClient

    def client() -> HttpxClient:
        transport = httpx.HTTPTransport(limits=LIMITS, proxy=proxy, socket_options=socket_options())
        return HttpxClient(httpx.Client(transport=transport, trust_env=False))

    return _make(client)


def _make_async_public(proxy: str | None = None) -> AsyncHTTPClient:
    from .httpx_client import AsyncHttpxClient

    def client() -> AsyncHttpxClient:
        transport = httpx.AsyncHTTPTransport(limits=LIMITS, proxy=proxy, socket_options=socket_options())
        return AsyncHttpxClient(httpx.AsyncClient(transport=transport, trust_env=False))

    return _make(client)


def _aiohttp_problem() -> str | None:
    from .._optional import AIOHTTP

    return AIOHTTP.problem()


def _make(kind: Callable[[], ClientT]) -> ClientT:
    try:
        return kind()
    except Exception as error:
        # httpx reads proxies and certificates from the environment.
        raise ConfigurationError(f"httpx cannot be set up: {error}") from error
