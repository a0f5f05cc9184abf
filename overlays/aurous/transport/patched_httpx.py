"""Notices tools that patch httpx, to observe requests or to answer them in its place.

Sentry and Datadog replace `httpx.Client.send`, OpenTelemetry and pytest-httpx the methods of `httpx.HTTPTransport`, and
respx those of httpcore. Calls then go through the public client of httpx, which takes longer.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any, Final

# What they replace: the module that defines it, its class and its method.
_SYNC: Final = (("httpx._client", "Client", "send"), ("httpx._transports.default", "HTTPTransport", "handle_request"))
_ASYNC: Final = (
    ("httpx._client", "AsyncClient", "send"),
    ("httpx._transports.default", "AsyncHTTPTransport", "handle_async_request"),
    # The connections of aiohttp would evade these.
    ("httpcore._async.connection_pool", "AsyncConnectionPool", "handle_async_request"),
    ("httpcore._async.connection", "AsyncHTTPConnection", "handle_async_request"),
)


def is_patched() -> bool:
    """Whether something replaced a method that a call of a thread goes through in httpx."""
    return any(_is_replaced(*method) for method in _SYNC)


def is_async_patched() -> bool:
    """Whether something replaced a method that a call of a coroutine goes through in httpx."""
    return any(_is_replaced(*method) for method in _ASYNC)


def _is_replaced(module_name: str, class_name: str, method_name: str) -> bool:
    module: Any = sys.modules.get(module_name)
    method = getattr(getattr(module, class_name, None), method_name, None)
    # Not by isinstance, since the proxies of wrapt pass for functions. functools.wraps does not change where a function
    # looks up its globals.
    return method is not None and (type(method) is not FunctionType or method.__globals__ is not vars(module))
