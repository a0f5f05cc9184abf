"""Bounds how long a connection may keep its reader waiting. Knows streams of httpcore by their methods, and no HTTP.

A timeout of httpx starts anew with every byte that comes, and holds for a whole response. Here a thread says how long
it waits, for the whole of a request or for one piece of a stream. Coroutines need none of this: they can be cancelled.
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
_OPENINGS = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")


class Bound(threading.local):
    """How long this thread lets the network keep it waiting."""

    left: Callable[[], float] = staticmethod(lambda: math.inf)
    """Seconds. Asked when there is something to wait for, and only then: most of a stream is not."""

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """For the length of a block."""
        earlier, self.left = self.left, lambda: moment - time.monotonic()
        try:
            yield
        finally:
            self.left = earlier

    def limit(self, timeout: float | None) -> float | None:
        """A timeout, shortened to what is left."""
        left = max(self.left(), 0.001)
        if left == math.inf:
            return timeout
        return left if timeout is None else min(timeout, left)


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

    def read(max_bytes: int, timeout: float | None = None) -> Any:
        return kind.read(find(), max_bytes, BOUND.limit(timeout))

    def write(buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _SENT_AT_ONCE):
            kind.write(find(), buffer[start : start + _SENT_AT_ONCE], BOUND.limit(timeout))

    stream.read, stream.write = read, write
    return True
