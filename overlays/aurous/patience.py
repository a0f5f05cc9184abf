"""Bounds how long a connection may keep its reader waiting. Knows streams of httpcore by their methods, and no HTTP.

A timeout of httpx starts anew with every byte that comes, and holds for a whole response. What is bounded here is one
read of a stream's body, and in threads the whole of a request: coroutines can be cancelled anywhere, threads cannot.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

_SENT_AT_ONCE: Final = 64 * 1024
_OPENINGS = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")


class Patience:
    """Gives each read of a body a timeout of its own.

    Where the connection is not httpcore's, that of the request stays.
    """

    def __init__(self, stream: Any) -> None:
        self.seconds = 0.0
        self._stream = stream if hasattr(stream, "read") and hasattr(stream, "__dict__") else None
        if self._stream is not None:
            read, self._earlier = stream.read, vars(stream).get("read")
            stream.read = lambda max_bytes, timeout=None: read(max_bytes, self.seconds)

    def end(self) -> None:
        """The connection goes back to the pool and serves others."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        del stream.read
        if self._earlier is not None:
            stream.read = self._earlier


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

    def limit(self, timeout: float | None) -> float | None:
        """A timeout, shortened to what is left."""
        if self.moment == math.inf:
            return timeout
        left = max(self.moment - time.monotonic(), 0.001)
        return left if timeout is None else min(timeout, left)


BOUND: Final = Bound()


def bind(event: str, details: Mapping[str, Any]) -> None:
    """Hold a new connection to `BOUND`, whichever thread uses it. Given to httpx as the extension `trace`."""
    stream: Any = details.get("return_value")
    kind: Any = type(stream)
    if not event.endswith(_OPENINGS) or not all(hasattr(stream, name) for name in ("read", "write", "__dict__")):
        return
    # Weakly, so that a connection that nobody uses is closed at once, not by the collector of cycles.
    find = weakref.ref(stream)

    def read(max_bytes: int, timeout: float | None = None) -> Any:
        return kind.read(find(), max_bytes, BOUND.limit(timeout))

    def write(buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _SENT_AT_ONCE):
            kind.write(find(), buffer[start : start + _SENT_AT_ONCE], BOUND.limit(timeout))

    stream.read, stream.write = read, write
