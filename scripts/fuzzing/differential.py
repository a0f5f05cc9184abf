"""Reads a spoilt stream twice, with the fast path and without, and compares the two. Needs no network.

Whatever is done to a stream, and however it is cut, the fast path has to give the chunks that the exact parser gives.
"""

from __future__ import annotations

from itertools import pairwise

from aurous._request.flow import StreamResponse
from aurous._stream.chat_state import ChatState
from aurous._stream.chunk_parser import ChunkParser, StreamEvent
from aurous.errors import AurousError
from aurous.sse import ServerSentEvent
from aurous.types import ResponseInfo
from aurous_client.models import ChatCompletionChunk

INFO = ResponseInfo(status_code=200, headers={"aurous-request-id": "req_1"})


class ReadingError(AssertionError):
    """The two disagree."""


class _Counting(ChunkParser):
    """Counts the blocks that the exact parser reads."""

    exact = 0

    def _parse(self, decoded: ServerSentEvent) -> None:
        self.exact += 1
        super()._parse(decoded)


class _Exact(_Counting):
    """Has no fast path."""

    def _parse_line(self, block: bytes) -> StreamEvent | None:
        return None


def compare(data: bytes, cuts: list[int], max_event_size: int | None = None) -> int:
    """Read it in pieces on the fast path, and whole by the exact parser. Returns how many blocks took the fast path.

    Raises ReadingError.
    """
    fast = _Counting(INFO, max_event_size=max_event_size, redact=bytes)
    exact = _Exact(INFO, max_event_size=max_event_size, redact=bytes)
    actual, expected = _read(fast, _cut(data, cuts)), _read(exact, [data])
    if actual != expected:
        differing = next((pair for pair in zip(actual, expected, strict=False) if pair[0] != pair[1]), "their number")
        raise ReadingError(f"cut at {cuts}, {data!r} is read differently than by the exact parser: {differing}")
    return exact.exact - fast.exact


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def _read(parser: ChunkParser, pieces: list[bytes]) -> list[str]:
    """Everything that a parser says about a stream, in order."""
    state, outcomes = ChatState(), list[str]()
    state.begin(StreamResponse(body=None, info=INFO, deadline=0.0))
    try:
        for piece in pieces:
            event = parser.receive_data(piece)
            while event is not None:
                chunk = state.apply(event)
                # What a caller does to a chunk must not show in later ones.
                outcomes.append(f"{type(event).__name__} {chunk and _spoil(chunk)}")
                event = parser.next_event()
    except AurousError as error:
        outcomes.append(f"{type(error).__name__}: {error} {error.completion_id} {error.text!r}")
    so_far = state.accumulator
    outcomes += [repr(so_far.choice), repr(so_far.inconsistencies), repr(so_far.finish_reason), repr(so_far.usage)]
    outcomes += [repr(state.streamed_receipt), repr(state.warnings), f"{state.id!r} {state.is_done}"]
    try:
        outcomes.append(repr(so_far.completion()))
    except AurousError as error:
        outcomes.append(str(error))
    return outcomes


def _spoil(chunk: ChatCompletionChunk) -> str:
    """The repr of a chunk, all of whose members are then changed."""
    shown = repr(chunk)
    for choice in chunk.choices:
        choice.delta.content = "spoilt"
        for call in choice.delta.tool_calls or ():
            call.additional_properties["spoilt"] = True
            if call.function:
                call.function.arguments = "spoilt"
        choice.delta.additional_properties["spoilt"] = True
        choice.additional_properties["spoilt"] = True
        choice.finish_reason = "spoilt"
    chunk.choices.clear()
    chunk.additional_properties["spoilt"] = True
    chunk.id = "spoilt"
    return shown
