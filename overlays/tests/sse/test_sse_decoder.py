"""The decoder against the standard: vectors as data, at every place where a stream can be cut, and properties."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aurous.sse import Decoder, EventTooLargeError, ServerSentEvent
from hypothesis import given
from hypothesis import strategies as st

VECTORS = json.loads(Path(__file__).with_name("data").joinpath("sse.json").read_text(encoding="utf-8"))


def vectors() -> list[Any]:
    return [
        pytest.param(
            row["text"].encode() if "text" in row else row["bytes"].encode("latin-1"),
            [ServerSentEvent(**event) for event in row["events"]],
            id=f"{group}: {row['name']}",
        )
        for group, rows in VECTORS.items()
        for row in rows
    ]


def decode(pieces: Iterable[bytes], **options: Any) -> list[ServerSentEvent]:
    decoder = Decoder(**options)
    return [*(event for piece in pieces for event in decoder.decode(piece)), *decoder.flush()]


def bytewise(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def by_the_book(stream: bytes) -> list[ServerSentEvent]:
    """The standard's algorithm, sentence by sentence, for a stream that is all there."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _ = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    events = []
    event_type, data, last_id, retry = "", "", "", None
    for line in lines:
        if line == "":
            if data != "":
                events.append(ServerSentEvent(event_type or "message", data.removesuffix("\n"), last_id, retry))
            event_type, data, retry = "", "", None
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event_type = value
        elif field == "data":
            data += value + "\n"
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and value and set(value) <= set("0123456789") and len(value) < 19:
            retry = int(value)
    return events


def encode(events: Iterable[ServerSentEvent]) -> bytes:
    """A stream of these events, by no other fields than they have."""

    def lines() -> Iterator[str]:
        for event in events:
            yield f"event: {event.event}"
            yield f"id: {event.id}"
            if event.retry is not None:
                yield f"retry: {event.retry}"
            yield from (f"data: {line}" for line in event.data.split("\n"))
            yield ""

    return "".join(f"{line}\n" for line in lines()).encode()


# What a stream is made of where it matters, so that short examples reach the corners.
fields = [b"data", b"data: ", b"event: e", b"id: ", b"id", b"retry: 5", b": ", b":", b" ", b"x", b"\0", b"[DONE]"]
endings = [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\ndata: ", b"\ndata: "]
characters = [b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xff", b"\xed\xa0\x80", *(char.encode() for char in "é🧪\u2028")]
tokens = st.sampled_from([*fields, *endings, *characters])
streams = st.lists(tokens | st.binary(max_size=3), max_size=24).map(b"".join)
cuts = st.lists(st.integers(0, 120), max_size=8).map(sorted)
texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8)
server_sent_events = st.builds(
    ServerSentEvent,
    event=texts.filter(bool),
    data=st.lists(texts, min_size=1, max_size=3).map("\n".join),
    id=texts,
    retry=st.none() | st.integers(0, 10**18 - 1),
)


@pytest.mark.parametrize(("stream", "events"), vectors())
def test_decoder_gives_the_events_of_the_vector(stream: bytes, events: list[ServerSentEvent]) -> None:
    assert by_the_book(stream) == events
    assert decode([stream]) == events
    assert decode(bytewise(stream)) == events
    for at in range(len(stream) + 1):
        assert decode([stream[:at], stream[at:]]) == events, (stream[:at], stream[at:])


@pytest.mark.parametrize(("stream", "events"), vectors())
def test_decoder_gives_events_as_soon_as_they_are_complete(stream: bytes, events: list[ServerSentEvent]) -> None:
    decoder = Decoder()
    come: list[ServerSentEvent] = []
    for at, byte in enumerate(bytewise(stream), 1):
        come += decoder.decode(byte)
        assert come == by_the_book(stream[:at]), stream[:at]
    assert come == events


@given(streams, cuts)
def test_any_split_of_the_bytes_gives_the_same_events(stream: bytes, places: list[int]) -> None:
    bounds = [0, *places, len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(bounds)]
    assert decode(pieces) == decode([stream]) == by_the_book(stream)


@given(streams)
def test_any_line_ending_gives_the_same_events(stream: bytes) -> None:
    unified = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events = decode([unified])
    for ending in (b"\r", b"\r\n"):
        assert decode(bytewise(unified.replace(b"\n", ending))) == events


@given(st.lists(server_sent_events, max_size=5))
def test_encoded_events_decode_to_themselves(events: list[ServerSentEvent]) -> None:
    assert decode([encode(events)]) == events


def test_empty_pieces_give_no_events() -> None:
    stream = b"\xef\xbb\xbfdata: a\r\n\r\nid: \xc3\xa9\r\n\ndata: b\n\n"
    pieces = [piece for byte in bytewise(stream) for piece in (b"", byte, b"")]
    assert decode(pieces) == [ServerSentEvent(data="a"), ServerSentEvent(data="b", id="é")]


def test_long_line_takes_linear_time() -> None:
    # Copying what has come with each of the 4,096 pieces would move 34 GB.
    line = b"data: " + b"x" * (16 * 1024 * 1024)
    pieces = [line[at : at + 4096] for at in range(0, len(line), 4096)]
    (event,) = decode([*pieces, b"\n", b"\n"])
    assert len(event.data) == 16 * 1024 * 1024


def test_many_small_events_are_decoded() -> None:
    stream = b"".join(b"data: %d\n\n" % number for number in range(100_000))
    pieces = [stream[at : at + 1000] for at in range(0, len(stream), 1000)]
    assert [event.data for event in decode(pieces)] == [str(number) for number in range(100_000)]


@pytest.mark.parametrize("size", [7, 4096, 10**6])
def test_event_of_many_lines_is_decoded(size: int) -> None:
    stream = b"".join(b"data: %d\n" % number for number in range(10_000)) + b"\n"
    (event,) = decode(stream[at : at + size] for at in range(0, len(stream), size))
    assert event.data == "\n".join(map(str, range(10_000)))


def test_event_of_maximum_size_is_decoded() -> None:
    stream = b"\n\n\ndata: 4567\n\n\n\r\n: 345\r\ndata\n\n"
    for pieces in ([stream], bytewise(stream)):
        assert [event.data for event in decode(pieces, max_event_size=10)] == ["4567", ""]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"data: 1\n\ndata: 2\n\ndata: 34567\n\ndata: 3\n\n", id="complete"),
        pytest.param(b"data: 1\n\ndata: 2\n\ndata: 34567", id="without end"),
        pytest.param(b"data: 1\n\ndata: 2\n\ndata\ndata\nd\n\n", id="of several lines"),
        pytest.param(b"data: 1\n\ndata: 2\n\n: comments!\n\n", id="comments"),
        pytest.param(b"data: 1\r\n\r\ndata: 2\r\n\r\n\r\ndata: 34567\r\n", id="with CRLF"),
    ],
)
def test_event_over_maximum_size_raises_event_too_large(stream: bytes) -> None:
    for at in range(len(stream) + 1):
        decoder, come = Decoder(max_event_size=10), list[str]()
        for piece in (stream[:at], stream[at:]):
            with suppress(EventTooLargeError):
                come += [event.data for event in decoder.decode(piece)]
        assert come == ["1", "2"]
        for _ in range(2):
            with pytest.raises(EventTooLargeError, match="larger than 10 bytes"):
                decoder.decode(b"data: 4\n\n")


def test_flush_raises_error_held_back_by_the_last_piece() -> None:
    decoder = Decoder(max_event_size=10)
    assert [event.data for event in decoder.decode(b"data: 1\n\ndata: 23456\n\n")] == ["1"]
    with pytest.raises(EventTooLargeError):
        decoder.flush()


def test_decoder_without_maximum_takes_any_event() -> None:
    stream = b"data: " + b"x" * 100 + b"\n\n"
    assert len(decode([stream], max_event_size=None)) == len(decode([stream], max_event_size=106)) == 1


def test_events_are_equal_by_value() -> None:
    event = ServerSentEvent(data="a")
    assert event == ServerSentEvent("message", "a", "", None)
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(AttributeError):
        event.data = "b"  # type: ignore[misc]
    assert not hasattr(event, "__dict__")


def test_event_too_large_error_pickles() -> None:
    error = pickle.loads(pickle.dumps(EventTooLargeError(10)))
    assert isinstance(error, EventTooLargeError)
    assert (error.max_event_size, str(error)) == (10, "a server-sent event is larger than 10 bytes")
