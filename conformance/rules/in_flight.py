"""Owns how rules get hold of a completion that still runs, and how they know that it did; judges nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.client.mock_controls import Levers
from harness.client.stream import OpenStream, has_begun
from harness.violations import Breach, unseen

LONG = "Write a long story about a river, in as many words as you can."
SETTLED_WITHIN = 20.0
POLL_EVERY = 0.1
# What is in a socket's buffers is read at once; whatever took longer than this was still being made.
NOTICEABLE = 0.15


@contextmanager
def running(
    server: Server, levers: Levers, *, tokens: int = 64, pace: int = 128, **options: Any
) -> Iterator[OpenStream]:
    """A stream that has begun and, if it is slow enough, not ended."""
    body = server.ask(LONG, stream=True, **{"max_tokens": tokens, **options})
    started = time.monotonic()
    with server.open_stream(body, headers=levers.pace(pace)) as stream:
        stream.exchange.expect(200)
        stream.read_until(has_begun)
        if levers.present and time.monotonic() - started > tokens / pace / 2:
            unseen("something between here and the server keeps the stream back until it is whole")
        yield stream


def still_ran(stream: OpenStream) -> bool:
    """Whether the stream, read to its end from now on, took time to get there."""
    started = time.monotonic()
    stream.drain()
    return time.monotonic() - started > NOTICEABLE


def settled(server: Server, completion_id: str) -> Exchange:
    """The record once it no longer runs; a breach if it never settles."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while True:
        found = server.retrieve(completion_id).expect(200)
        if found.at("status") != "in_progress":
            return found
        if time.monotonic() > deadline:
            raise Breach(f"after {SETTLED_WITHIN:g} s the record is still in_progress", found)
        time.sleep(POLL_EVERY)
