"""Deadlines for whole requests: every read and write of the HTTP client ends by the deadline of its thread.

httpx's own timeouts hold for one read: a server that sends a byte a second never exceeds them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from harness.violations import not_tested

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Reads and writes in this block, together, take no longer than `seconds`."""
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float:
    """Seconds until the deadline of the current block."""
    return _deadline.get() - time.monotonic()


def enforce_deadlines(client: httpx.Client) -> None:
    """Make the connections of a client observe `deadline`."""
    transports: list[Any] = [client._transport, *client._mounts.values()]
    for transport in transports:
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = _DeadlineBackend()


@dataclass
class TimeLimit:
    """The time that a run may take; it starts when it is first asked for."""

    seconds: float | None = None
    _started: float | None = None

    def remaining(self) -> float:
        """Seconds left. Raises NotTested when there are none."""
        if self.seconds is None:
            return math.inf
        if self._started is None:
            self._started = time.monotonic()
        left = self.seconds - (time.monotonic() - self._started)
        if left <= 0:
            not_tested(f"time limit: the run's {self.seconds:g} s were over; raise --max-seconds")
        return left


def _limited(timeout: float | None) -> float | None:
    left = remaining()
    if left <= 0:
        raise httpcore.ReadTimeout
    return timeout if math.isinf(left) else min(left, math.inf if timeout is None else timeout)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _limited(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _limited(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, _limited(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _DeadlineBackend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._backend.connect_tcp(host, port, _limited(timeout), local_address, socket_options)
        return _DeadlineStream(stream)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
