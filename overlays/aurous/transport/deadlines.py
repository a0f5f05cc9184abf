"""Bounds how long a connection may keep its reader waiting. Knows streams of httpcore by their methods, and no HTTP.

A timeout of httpx starts anew with every byte that comes, and holds for a whole response. Here a thread says until when
it waits for the whole of a request, and whoever reads a stream how long for each piece of it. Coroutines need none of
this: they can be cancelled.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

_SENT_AT_ONCE: Final = 64 * 1024
# No time at all would be another way of reading.
_LEAST: Final = 0.001
_OPENINGS = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")


class Bound(threading.local):
    """Until when this thread lets the network keep it waiting."""

    moment = math.inf

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """For the length of a block."""
        earlier, self.moment = self.moment, moment
        try:
            yield
        finally:
            self.moment = earlier

    def limit(self, timeout: Timeout | float | None) -> float | None:
        """A timeout, shortened to what is left."""
        seconds = timeout() if isinstance(timeout, Timeout) else timeout
        if self.moment == math.inf:
            return seconds
        left = max(self.moment - time.monotonic(), _LEAST)
        return left if seconds is None else min(seconds, left)


class Timeout:
    """Stands for the seconds of a timeout where httpx has a number. Asked whenever a connection that is held to `BOUND`
    has to wait, and only then: what has come already is not waited for.
    """

    left: Callable[[], float] | None = None
    """Tells them; None for no limit."""

    def __call__(self) -> float | None:
        return None if self.left is None else max(self.left(), _LEAST)


BOUND: Final = Bound()


def bind(event: str, details: Mapping[str, Any]) -> None:
    """Hold a new connection to `BOUND`, whichever thread uses it. Given to httpx as the extension `trace`."""
    if event.endswith(_OPENINGS):
        hold(details.get("return_value"))


def hold(stream: Any) -> bool:
    """Hold a connection to `BOUND`, once. False if it is of a kind that cannot be."""
    kind: Any = type(stream)
    if not all(hasattr(stream, name) for name in ("read", "write", "__dict__")):
        return False
    if "read" in vars(stream):
        return True
    # Weakly, so that a connection that nobody uses is closed at once, not by the collector of cycles.
    find = weakref.ref(stream)

    def read(max_bytes: int, timeout: Timeout | float | None = None) -> Any:
        return kind.read(find(), max_bytes, BOUND.limit(timeout))

    def write(buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _SENT_AT_ONCE):
            kind.write(find(), buffer[start : start + _SENT_AT_ONCE], BOUND.limit(timeout))

    stream.read, stream.write = read, write
    return True
