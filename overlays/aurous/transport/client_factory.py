"""Makes the httpx clients that are used where none is given, on the connections that suit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.request import getproxies

import httpx

from .._config.options import Backend
from .._optional import HTTPX_AIOHTTP
from ..errors import ConfigurationError
from . import event_loop
from .raw_client import AsyncDirect, Direct

MadeT = TypeVar("MadeT")

# Generous, for gateways that fan out; httpx's own 100 would make the 101st stream wait for a connection.
LIMITS: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=60.0)


def make_client() -> httpx.Client | Direct:
    """What sends for threads. Raises ConfigurationError, as those that follow."""
    if _has_proxies():
        return _make(lambda: httpx.Client(limits=LIMITS))
    return _make(lambda: Direct(httpx.HTTPTransport(limits=LIMITS)))


def make_async_client(backend: Backend) -> httpx.AsyncClient | AsyncDirect:
    """What sends for the event loop that runs."""
    if _has_proxies():
        return _make(lambda: httpx.AsyncClient(limits=LIMITS))
    if backend == "httpx" or not event_loop.is_asyncio() or HTTPX_AIOHTTP.problem():
        return _make(lambda: AsyncDirect(httpx.AsyncHTTPTransport(limits=LIMITS)))

    from .aiohttp import Bridge

    return _make(lambda: AsyncDirect(Bridge(LIMITS)))


def check_backend(backend: Backend) -> None:
    """Refuse what is no backend, or is not installed."""
    if backend not in ("auto", "httpx", "aiohttp"):
        raise ConfigurationError(f"backend must be 'auto', 'httpx' or 'aiohttp', not {backend!r}")
    problem = HTTPX_AIOHTTP.problem() if backend == "aiohttp" else None
    if problem is not None:
        raise ConfigurationError(f"backend='aiohttp' needs an extra: {problem}")


def _has_proxies() -> bool:
    # Which of them is for whom is known to the clients of httpx alone.
    return bool(getproxies().keys() - {"no"})


def _make(kind: Callable[[], MadeT]) -> MadeT:
    try:
        return kind()
    except Exception as error:
        # What httpx reads of the environment: proxies, and where certificates are.
        raise ConfigurationError(f"httpx cannot be set up: {error}") from error


def name_of(thing: object) -> str:
    return f"{type(thing).__module__.partition('.')[0]}.{type(thing).__qualname__}"
