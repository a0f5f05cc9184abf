"""Event streams are read as browsers read them, however they are cut."""

from __future__ import annotations

import pytest
from harness.client.sse import Event, EventReader

STREAM = (
    "\ufeff: hello\r\nevent: message\r\ndata:é one\r\ndata: two\r\n\r\nid: 7\ndata\n\nretry: 1\n\ndata: last\r\r"
).encode()
EVENTS = [Event("é one\ntwo"), Event(""), Event("last")]


@pytest.mark.parametrize("size", range(1, 20))
def test_events_do_not_depend_on_how_the_bytes_are_cut(size: int) -> None:
    reader = EventReader()
    chunks = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    assert events == EVENTS
    assert reader.comments == ["hello"]
    assert not reader.strays


def test_the_type_of_an_event_is_its_own() -> None:
    reader = EventReader()
    assert reader.feed(b"event: ping\ndata: 1\n\ndata: 2\n\n") == [Event("1", "ping"), Event("2")]


def test_what_is_no_field_is_kept_as_stray() -> None:
    reader = EventReader()
    assert reader.feed(b'{"error": 1}\n\n') == []
    assert reader.strays == ['{"error": 1}']


@pytest.mark.parametrize("rest", [b"data: x", b"data: x\n", b"dat", "data: é".encode()[:-1]])
def test_what_comes_after_the_last_event_is_told(rest: bytes) -> None:
    reader = EventReader()
    reader.feed(b"data: 1\n\n" + rest)
    assert reader.unfinished


def test_a_stream_that_ended_well_left_nothing() -> None:
    reader = EventReader()
    reader.feed(b"data: 1\n\n: bye\n")
    assert reader.unfinished == ""
