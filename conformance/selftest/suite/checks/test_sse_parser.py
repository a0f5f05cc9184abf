"""The event stream parser follows the WHATWG grammar, wherever the bytes are cut."""

from __future__ import annotations

import pytest
from harness.client.sse import Event, EventParser

STREAM = (
    "\ufeff: hello\r\nevent: message\r\ndata:é one\r\ndata: two\r\n\r\nid: 7\ndata\n\nretry: 1\n\ndata: last\r\r"
).encode()
EVENTS = [Event("é one\ntwo"), Event(""), Event("last")]


@pytest.mark.parametrize("size", range(1, 20))
def test_events_do_not_depend_on_chunk_boundaries(size: int) -> None:
    reader = EventParser()
    chunks = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    assert events == EVENTS
    assert reader.comments == ["hello"]
    assert not reader.invalid_lines


def test_event_type_does_not_carry_over() -> None:
    reader = EventParser()
    assert reader.feed(b"event: ping\ndata: 1\n\ndata: 2\n\n") == [Event("1", "ping"), Event("2")]


def test_line_that_is_no_field_is_invalid() -> None:
    reader = EventParser()
    assert reader.feed(b'{"error": 1}\n\n') == []
    assert reader.invalid_lines == ['{"error": 1}']


@pytest.mark.parametrize("rest", [b"data: x", b"data: x\n", b"dat", "data: é".encode()[:-1]])
def test_unfinished_event_is_reported(rest: bytes) -> None:
    reader = EventParser()
    reader.feed(b"data: 1\n\n" + rest)
    assert reader.unfinished


def test_complete_stream_leaves_nothing_unfinished() -> None:
    reader = EventParser()
    reader.feed(b"data: 1\n\n: bye\n")
    assert reader.unfinished == ""
