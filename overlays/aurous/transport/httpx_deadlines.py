"""Enforces the deadlines of synchronous calls that an `httpx.Client` sends: the user's own, or that of a proxy.

httpx has no deadline: its timeouts start anew with every byte, and cannot change during a response. An existing client
cannot be given another network backend, as `httpcore_client` has; so the methods of httpcore's network streams are
replaced, and keep the deadline of their thread. Coroutines need none of this, since they can be cancelled.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpcore

from .effects import MIN_TIMEOUT

_WRITE_SIZE: Final = 64 * 1024
_CONNECT_EVENTS = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")


class ThreadDeadline(threading.local):
    """The deadline of the current thread, by `time.monotonic`."""

    deadline = math.inf

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Set it within a block."""
        previous, self.deadline = self.deadline, deadline
        try:
            yield
        finally:
            self.deadline = previous

    def limit(self, timeout: VariableTimeout | float | None) -> float | None:
        """A timeout in seconds, shortened to the time remaining. Raises TimeoutError if there is none: a server that
        always has data to read would otherwise never meet a timeout.
        """
        seconds = timeout() if isinstance(timeout, VariableTimeout) else timeout
        if self.deadline == math.inf:
            return seconds
        seconds_left = self.deadline - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError("timed out")
        return seconds_left if seconds is None else min(seconds, seconds_left)


class VariableTimeout:
    """Replaces a number of seconds in an httpx request: computed whenever a read has to wait, and only then."""

    remaining: Callable[[], float] | None = None
    """Returns the seconds; None for no limit."""

    def __call__(self) -> float | None:
        return None if self.remaining is None else max(self.remaining(), MIN_TIMEOUT)


DEADLINE: Final = ThreadDeadline()


def enforce_on_connect(event: str, details: Mapping[str, Any]) -> None:
    """Enforce the deadlines of threads on a new connection. Passed to httpx as the extension `trace`."""
    if event.endswith(_CONNECT_EVENTS):
        enforce_deadline(details.get("return_value"))


def enforce_deadline(stream: Any) -> bool:
    """Enforce the deadlines of threads on a connection. False if it cannot be patched."""
    kind: Any = type(stream)
    if not all(hasattr(stream, name) for name in ("read", "write", "__dict__")):
        return False
    if "read" in vars(stream):
        return True
    # A weak reference, so that an unused connection is freed at once and not by the cycle collector.
    find = weakref.ref(stream)

    def read(max_bytes: int, timeout: VariableTimeout | float | None = None) -> Any:
        try:
            seconds = DEADLINE.limit(timeout)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        return kind.read(find(), max_bytes, seconds)

    def write(buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_SIZE):
            try:
                seconds = DEADLINE.limit(timeout)
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            kind.write(find(), buffer[start : start + _WRITE_SIZE], seconds)

    stream.read, stream.write = read, write
    return True
