"""Makes the HTTP clients for users who bring none, and checks the choice of a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.request import getproxies

import httpx

from .._config.options import Backend
from .._optional import HTTPX_AIOHTTP
from ..errors import ConfigurationError
from . import event_loop
from .raw_client import AsyncRawClient, RawClient

ClientT = TypeVar("ClientT")

# High, for gateways: with httpx's default of 100, the 101st stream waits for a connection.
LIMITS: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=60.0)


def make_client() -> httpx.Client | RawClient:
    """A client for threads. Raises ConfigurationError."""
    if _has_proxies():
        return _make(lambda: httpx.Client(limits=LIMITS))
    return _make(lambda: RawClient(httpx.HTTPTransport(limits=LIMITS)))


def make_async_client(backend: Backend) -> httpx.AsyncClient | AsyncRawClient:
    """A client for the running event loop. Raises ConfigurationError."""
    if _has_proxies():
        return _make(lambda: httpx.AsyncClient(limits=LIMITS))
    if backend == "httpx" or not event_loop.is_asyncio() or HTTPX_AIOHTTP.problem():
        return _make(lambda: AsyncRawClient(httpx.AsyncHTTPTransport(limits=LIMITS)))

    from .aiohttp import StrictAiohttpTransport

    return _make(lambda: AsyncRawClient(StrictAiohttpTransport(LIMITS)))


def check_backend(backend: Backend) -> None:
    """Raises ConfigurationError for a backend that does not exist or is not installed."""
    if backend not in ("auto", "httpx", "aiohttp"):
        raise ConfigurationError(f"backend must be 'auto', 'httpx' or 'aiohttp', not {backend!r}")
    problem = HTTPX_AIOHTTP.problem() if backend == "aiohttp" else None
    if problem is not None:
        raise ConfigurationError(f"backend='aiohttp' needs an extra: {problem}")


def _has_proxies() -> bool:
    # Only httpx's clients choose between proxies.
    return bool(getproxies().keys() - {"no"})


def _make(kind: Callable[[], ClientT]) -> ClientT:
    try:
        return kind()
    except Exception as error:
        # httpx reads proxies and certificates from the environment.
        raise ConfigurationError(f"httpx cannot be set up: {error}") from error


def type_name(thing: object) -> str:
    return f"{type(thing).__module__.partition('.')[0]}.{type(thing).__qualname__}"
