"""Streams that are still running, for rules on what may be done to them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.client.api_client import ApiClient, Headers
from harness.client.exchange import Exchange
from harness.client.mock_controls import MockControls
from harness.client.stream import OpenStream, has_output
from harness.violations import RuleViolation, not_tested

BUFFERED = (
    "the stream arrived in one piece, so nothing can be done to it while it runs. The usual cause is a proxy that "
    "buffers responses (nginx: `proxy_buffering off`, or X-Accel-Buffering: no), compresses them, or a server that "
    "does not flush each event. A server whose answers take no time looks the same"
)
LONG = "Write a long story about a river, in as many words as you can."
SETTLED_WITHIN = 20.0
POLL_EVERY = 0.1
# Buffered data is read at once; what took longer than this was still being generated.
NOTICEABLE = 0.15


@contextmanager
def running_stream(
    api: ApiClient,
    mock_controls: MockControls,
    headers: Headers | None = None,
    *,
    tokens: int = 64,
    pace: int = 128,
    **options: Any,
) -> Iterator[OpenStream]:
    """A stream that has begun and, if it is slow enough, not ended."""
    body = api.chat_body(LONG, stream=True, **{"max_tokens": tokens, **options})
    started = time.monotonic()
    with api.open_stream(body, headers={**(headers or {}), **mock_controls.pace(pace)}) as stream:
        stream.exchange.expect(200)
        stream.read_until(has_output)
        is_late = mock_controls.available and time.monotonic() - started > tokens / pace / 2
        if is_late or stream.transcript.done:
            not_tested(BUFFERED)
        yield stream


def was_still_running(stream: OpenStream) -> bool:
    """Whether reading the rest of the stream took noticeable time."""
    started = time.monotonic()
    stream.drain()
    return time.monotonic() - started > NOTICEABLE


def require_in_time(cancel: Exchange, *, ran: bool) -> None:
    """End the test as not tested if the stream had ended before the cancel, and not `ran` on after it."""
    if cancel.status == 409 and cancel.get("error", "code") == "chat_cancel_target_already_terminal" and not ran:
        not_tested("the stream ended before it could be cancelled")


def wait_until_terminal(api: ApiClient, completion_id: str, seconds: float = SETTLED_WITHIN) -> Exchange:
    """The record once it no longer runs; a violation if it still does after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        record = api.retrieve(completion_id).expect(200)
        if record.at("status") != "in_progress":
            return record
        if time.monotonic() > deadline:
            raise RuleViolation(f"after {seconds:g} s the record is still in_progress", record)
        time.sleep(POLL_EVERY)
