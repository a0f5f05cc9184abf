"""Answers without an end: bodies, events, compressed ones. No client takes in more than its limits say."""

from __future__ import annotations

import asyncio
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx

from fuzzing.client_matrix import in_process

MIB: Final = 2**20
MAX_BODY: Final = 64 * MIB
MAX_EVENT: Final = MIB
# A body is held while it grows, which takes some times its size, and once more in the error that is raised of it.
MOST: Final = 4 * MAX_BODY
_PIECE: Final = b" " * MIB


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that goes on for longer than anyone may read, and counts what was read of it."""

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
            # A network makes its readers wait, and lets them be cancelled there.
            await asyncio.sleep(0)
            yield piece


def _zeros() -> tuple[bytes, bytes]:
    """The beginning of a body compressed with gzip, and a piece of it that stands for a MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    first = packer.compress(b"{") + packer.flush(zlib.Z_FULL_FLUSH)
    return first, packer.compress(_PIECE) + packer.flush(zlib.Z_FULL_FLUSH)


def try_all() -> Iterator[tuple[str, str, int, int]]:
    """What each was, how it ended, the bytes of it that were read beyond its limit, and the most memory it took."""
    first, piece = _zeros()
    json, sse = ("Content-Type", "application/json"), ("Content-Type", "text/event-stream")
    packed = len(piece) * (MAX_BODY // MIB)
    for kind in ("sync", "httpx"):
        for told, operation, status, headers, body, limit in (
            ("a result without an end", "create", 200, [json], Endless(b"[", _PIECE, 3 * MAX_BODY), MAX_BODY),
            ("an error without an end", "create", 500, [json], Endless(b"[", _PIECE, 3 * MAX_BODY), MAX_BODY),
            (
                "a compressed result without an end",
                "models",
                200,
                [json, ("Content-Encoding", "gzip")],
                Endless(first, piece, 3 * packed),
                packed,
            ),
            ("an event without an end", "stream", 200, [sse], Endless(b"data: ", _PIECE, 50 * MAX_EVENT), MAX_EVENT),
            ("a comment without an end", "stream", 200, [sse], Endless(b": ", _PIECE, 50 * MAX_EVENT), MAX_EVENT),
            ("lines without an end", "stream", 200, [sse], Endless(b"", b"id: 1\n" * 9000, 50 * MAX_EVENT), MAX_EVENT),
        ):
            client = in_process(kind, lambda: (status, headers, body), max_event_size=MAX_EVENT)  # noqa: B023
            tracemalloc.start()
            try:
                ended = client.ask(operation)
                yield f"{kind}, {told}", ended, body.read - limit, tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
                client.close()
