"""Sends requests by httpx's public client while a tool patches httpx, else directly. Decided for each request.

Sentry and Datadog replace `httpx.Client.send`, OpenTelemetry and pytest-httpx the methods of `httpx.HTTPTransport`, and
respx those of httpcore: to observe requests, or to answer them in place of httpx. The public client takes longer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import Any, Final, Generic, TypeVar

from .effects import SendRequest
from .interfaces import AsyncHTTPClient, AsyncHTTPResponse, HTTPClient, HTTPResponse
from .locks import fork_safe_lock

ClientT = TypeVar("ClientT")

# What they replace: the module that defines it, its class and its method.
_SYNC: Final = (("httpx._client", "Client", "send"), ("httpx._transports.default", "HTTPTransport", "handle_request"))
_ASYNC: Final = (
    ("httpx._client", "AsyncClient", "send"),
    ("httpx._transports.default", "AsyncHTTPTransport", "handle_async_request"),
    # The connections of aiohttp would evade these.
    ("httpcore._async.connection_pool", "AsyncConnectionPool", "handle_async_request"),
    ("httpcore._async.connection", "AsyncHTTPConnection", "handle_async_request"),
)


def is_patched(methods: tuple[tuple[str, str, str], ...] = _SYNC) -> bool:
    """Whether something replaced a method that a call goes through in httpx, by default one of a thread."""
    for module_name, class_name, method_name in methods:
        module: Any = sys.modules.get(module_name)
        method = getattr(getattr(module, class_name, None), method_name, None)
        # Not by isinstance, since the proxies of wrapt pass for functions. functools.wraps does not change where a
        # function looks up its globals.
        if method is not None and (type(method) is not FunctionType or method.__globals__ is not vars(module)):
            return True
    return False


def is_async_patched() -> bool:
    """Whether something replaced a method that a call of a coroutine goes through in httpx."""
    return is_patched(_ASYNC)


class _Switch(Generic[ClientT]):
    """The direct client, and the public one, which is made when it is first needed.

    make_public: makes the client for tools that patch httpx
    """

    def __init__(self, direct: ClientT, make_public: Callable[[], ClientT]) -> None:
        self._direct = direct
        self._make_public = make_public
        self._public: ClientT | None = None
        self._lock = fork_safe_lock(self)

    def _public_client(self) -> ClientT:
        # Of two threads that come at once, one would make a client that nothing closes.
        with self._lock:
            if self._public is None:
                self._public = self._make_public()
            return self._public


class SwitchingClient(_Switch[HTTPClient]):
    """Sends from threads."""

    def send(self, request: SendRequest, deadline: float) -> HTTPResponse:
        return (self._public_client() if is_patched() else self._direct).send(request, deadline)

    def close(self) -> None:
        try:
            if self._public is not None:
                self._public.close()
        finally:
            self._direct.close()


class AsyncSwitchingClient(_Switch[AsyncHTTPClient]):
    """Sends from coroutines."""

    def send(self, request: SendRequest) -> Coroutine[Any, Any, AsyncHTTPResponse]:
        return (self._public_client() if is_async_patched() else self._direct).send(request)

    async def close(self) -> None:
        try:
            if self._public is not None:
                await self._public.close()
        finally:
            await self._direct.close()
