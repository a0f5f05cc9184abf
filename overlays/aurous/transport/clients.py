"""Makes the httpx clients that are used where none is given, on the connections that suit."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final, TypeVar
from urllib.request import getproxies

import httpx

from .. import loops
from ..errors import ConfigurationError
from ..options import Backend

ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)

# Generous, for gateways that fan out; httpx's own 100 would make the 101st stream wait for a connection.
LIMITS: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=60.0)


def make_client() -> httpx.Client:
    """A client for threads. Raises ConfigurationError, as those that follow."""
    return _make(lambda: httpx.Client(limits=LIMITS))


def make_async_client(backend: Backend) -> httpx.AsyncClient:
    """A client for the event loop that runs."""
    if backend == "httpx" or not _can_bridge():
        return _make(lambda: httpx.AsyncClient(limits=LIMITS))

    from .bridge import Bridge

    return _make(lambda: httpx.AsyncClient(transport=Bridge(LIMITS)))


def check_backend(backend: Backend) -> None:
    """Refuse what is no backend, or is not installed."""
    if backend not in ("auto", "httpx", "aiohttp"):
        raise ConfigurationError(f"backend must be 'auto', 'httpx' or 'aiohttp', not {backend!r}")
    if backend == "aiohttp" and not _is_installed():
        raise ConfigurationError("backend='aiohttp' needs an extra: pip install 'aurous-labs[aiohttp]'")


def _can_bridge() -> bool:
    # Proxies of the environment are read by httpx for its own connections alone.
    return _is_installed() and loops.is_asyncio() and not getproxies().keys() - {"no"}


def _is_installed() -> bool:
    return find_spec("httpx_aiohttp") is not None and find_spec("aiohttp") is not None


def _make(kind: Callable[[], ClientT]) -> ClientT:
    try:
        return kind()
    except Exception as error:
        # What httpx reads of the environment: proxies, and where certificates are.
        raise ConfigurationError(f"httpx cannot be set up: {error}") from error


def name_of(thing: object) -> str:
    return f"{type(thing).__module__.partition('.')[0]}.{type(thing).__qualname__}"
