"""Streams without msgspec: the same chunks, and the same memory however long the stream is."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aurous import _json
from aurous._request.flow import StreamResponse
from aurous._stream.chat_state import ChatState
from aurous._stream.chunk_parser import ChunkParser
from aurous.types import ResponseInfo
from testkit.streams import HEAD, LAST, RED, ROLE, USAGE, WHOLE, chunk, events

INFO = ResponseInfo(status_code=200, headers={})
LOGPROBS = {"content": [{"token": "Red", "logprob": -0.5, "bytes": [82, 101, 100], "top_logprobs": []}]}
VECTORS: dict[str, list[Any]] = {
    "text": WHOLE,
    "tool calls": [ROLE, chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}), LAST],
    "log probabilities": [{**RED, "choices": [{**RED["choices"][0], "logprobs": LOGPROBS}]}, LAST],
    "a member that differs": [{**RED, "obfuscation": "ab"}, {**RED, "obfuscation": "cde"}, LAST],
    "usage in each": [{**RED, "usage": USAGE}, {**RED, "usage": {**USAGE, "credits_charged": 0.5}}, LAST],
    "numbers of any size": [{**RED, "big": 10**30, "small": 1e-300, "whole": 1.0}, LAST],
    "half a character": [chunk({"content": "\ud83d"}), LAST],
    "no JSON": [RED, "{"],
    "NaN": [RED, '{"id": NaN}'],
    "a null choice": [{**HEAD, "choices": [None]}, LAST],
}


def read(data: bytes) -> tuple[list[Any], ChatState]:
    """The events of a stream as text, and what they add up to."""
    parser, state = ChunkParser(INFO, max_event_size=None, redact=bytes), ChatState()
    state.begin(StreamResponse(body=None, info=INFO, deadline=0.0))
    received = []
    event = parser.receive_data(data)
    while event is not None:
        received.append(f"{type(event).__name__} {event}")
        if not isinstance(event, Exception):
            state.apply(event)
        event = parser.next_event()
    return received, state


@pytest.mark.parametrize("frames", VECTORS.values(), ids=VECTORS)
def test_events_are_the_same_without_msgspec(frames: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    data = events(*frames)
    assert _json.decode_strict is not _json.decode_with_json
    expected, state = read(data)
    monkeypatch.setattr("aurous._stream.chunk_parser.decode_strict", _json.decode_with_json)
    received, pure = read(data)
    assert received == expected
    assert (pure.accumulator.choice, pure.accumulator.usage) == (state.accumulator.choice, state.accumulator.usage)


def text(number: int) -> bytes:
    return events(chunk({"content": f"{number:x}"}))


def arguments(number: int) -> bytes:
    return events(chunk({"tool_calls": [{"index": 0, "function": {"arguments": f"{number:x}"}}]}))


def metered(number: int) -> bytes:
    return events(chunk({"content": "a"}, usage={**USAGE, "completion_tokens": number}))


@pytest.fixture
def traced() -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(
    ("frame", "chunks"),
    [(text, 2_000), (arguments, 2_000), (metered, 2_000), pytest.param(text, 200_000, marks=pytest.mark.slow)],
)
def test_memory_of_a_stream_is_that_of_its_text(frame: Callable[[int], bytes], chunks: int) -> None:
    parser, state = ChunkParser(INFO, max_event_size=None, redact=bytes), ChatState()
    state.begin(StreamResponse(body=None, info=INFO, deadline=0.0))

    def receive(count: int) -> int:
        for number in range(count):
            event = parser.receive_data(frame(number))
            while event is not None:
                state.apply(event)
                event = parser.next_event()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    before = receive(100)
    # Ten characters for each chunk at most, where an object for each would take hundreds of bytes.
    assert receive(chunks) - before < chunks * 12
