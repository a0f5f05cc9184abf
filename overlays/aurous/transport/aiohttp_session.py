"""Opens sessions of aiohttp whose connections are probed, never stale, and as tolerant of headers as httpx's."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import aiohttp
import httpx

from .keepalive import readiness, socket_options

if TYPE_CHECKING:
    from aiohttp.connector import Connection

# httpcore takes heads of 100 KiB, aiohttp by default fields of 8,190 bytes and 128 of them.
_MAX_FIELD_SIZE: Final = 100 * 1024
_MAX_FIELDS: Final = 1000


def open_session(limits: httpx.Limits, ssl_context: ssl.SSLContext, **options: Any) -> aiohttp.ClientSession:
    """A session of the running event loop. options: further ones of aiohttp.ClientSession"""
    connector = _Connector(
        limit=limits.max_connections or 0, keepalive_timeout=limits.keepalive_expiry, ssl=ssl_context
    )
    # Older versions count no fields.
    if "max_headers" in inspect.signature(aiohttp.ClientSession).parameters:
        options["max_headers"] = _MAX_FIELDS
    # No cookies, as with httpcore.
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=_MAX_FIELD_SIZE,
        max_field_size=_MAX_FIELD_SIZE,
        **options,
    )


class AllConnectionsBusyError(aiohttp.ClientError):
    """None of the connections became free in time. No TimeoutError, which aiohttp would replace."""


class _Connector(aiohttp.TCPConnector):
    """Gives out no connection that the server has closed, which the event loop may not have noticed yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Of each connection that was used, whether it is readable.
        self._probes: WeakKeyDictionary[Any, Callable[[], object]] = WeakKeyDictionary()

    async def connect(self, *arguments: Any, **options: Any) -> Connection:
        while True:
            try:
                connection = await super().connect(*arguments, **options)
            except TimeoutError as error:
                if 0 < self.limit <= len(self._acquired):
                    raise AllConnectionsBusyError(f"all {self.limit} are in use") from error
                raise
            transport = connection.transport
            connected = None if transport is None else transport.get_extra_info("socket")
            if connected is None:
                return connection
            is_readable = self._probes.get(connection.protocol)
            if is_readable is None:
                self._probes[connection.protocol] = readiness(connected)
                # Those of uvloop refuse some options.
                with suppress(OSError, AttributeError, TypeError):
                    for option in socket_options():
                        connected.setsockopt(*option)
                return connection
            if connected.fileno() >= 0 and not is_readable():
                return connection
            # Nothing was sent on it yet, so this spends no attempt.
            connection.close()
