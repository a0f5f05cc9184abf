"""Endless bodies, events and compressed bodies: no client reads beyond its limits."""

from __future__ import annotations

import asyncio
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx

from fuzzing.checked_client import in_process

MIB: Final = 2**20
MAX_BODY: Final = 64 * MIB
MAX_EVENT: Final = MIB
# A body that grows takes some times its size, and the error holds it once more.
MAX_MEMORY: Final = 4 * MAX_BODY
_PIECE: Final = b" " * MIB


class EndlessBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body beyond any limit, which counts the bytes read."""

    def __init__(self, first: bytes, piece: bytes, most: int) -> None:
        self._first, self._piece, self._most = first, piece, most
        self.read = 0

    def _pieces(self) -> Iterator[bytes]:
        yield self._first
        while self.read < self._most:
            self.read += len(self._piece)
            yield self._piece

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces():
            # Reading from a network waits, and can be cancelled there.
            await asyncio.sleep(0)
            yield piece


def _zeros() -> tuple[bytes, bytes]:
    """The beginning of a gzip body, and a piece of it that decompresses to a MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    first = packer.compress(b"{") + packer.flush(zlib.Z_FULL_FLUSH)
    return first, packer.compress(_PIECE) + packer.flush(zlib.Z_FULL_FLUSH)


def run_all() -> Iterator[tuple[str, str, int, int]]:
    """For each: its name, how it ended, the bytes read beyond its limit, and its peak memory."""
    first, piece = _zeros()
    json, sse = ("Content-Type", "application/json"), ("Content-Type", "text/event-stream")
    packed = len(piece) * (MAX_BODY // MIB)
    for kind in ("sync", "httpx"):
        for label, operation, status, headers, body, limit in (
            ("endless result", "create", 200, [json], EndlessBody(b"[", _PIECE, 3 * MAX_BODY), MAX_BODY),
            ("endless error", "create", 500, [json], EndlessBody(b"[", _PIECE, 3 * MAX_BODY), MAX_BODY),
            (
                "endless compressed result",
                "models",
                200,
                [json, ("Content-Encoding", "gzip")],
                EndlessBody(first, piece, 3 * packed),
                packed,
            ),
            (
                "endless event",
                "stream",
                200,
                [sse],
                EndlessBody(b"data: ", _PIECE, 50 * MAX_EVENT),
                MAX_EVENT,
            ),
            ("endless comment", "stream", 200, [sse], EndlessBody(b": ", _PIECE, 50 * MAX_EVENT), MAX_EVENT),
            (
                "endless lines",
                "stream",
                200,
                [sse],
                EndlessBody(b"", b"id: 1\n" * 9000, 50 * MAX_EVENT),
                MAX_EVENT,
            ),
        ):
            client = in_process(kind, lambda: (status, headers, body), max_event_size=MAX_EVENT)  # noqa: B023
            tracemalloc.start()
            try:
                ended = client.ask(operation)
                yield f"{kind}, {label}", ended, body.read - limit, tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
                client.close()
