"""Reads a spoilt stream twice, with stencils and without, and holds one against the other. Without any network.

Whatever is done to a stream, and however it is cut, it has to give the chunks that parsing each frame gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from aurous._request.response_info import ResponseInfo
from aurous._stream.parser import Reader
from aurous.errors import AurousError
from aurous_client.models import ChatCompletionChunk

INFO = ResponseInfo(status_code=200, headers={"aurous-request-id": "req_1"})


class ReadingError(AssertionError):
    """The two disagree, or one of them did what it must not."""


class _Parsing(Reader):
    """A reader that parses each frame, and proves that it hands out what the frame says."""

    def recognize(self, piece: bytes) -> ChatCompletionChunk | None:
        return None

    def _chunk(self, frame: Mapping[str, Any], data: str) -> ChatCompletionChunk | None:
        chunk = super()._chunk(frame, data)
        if chunk is not None:
            parsed = ChatCompletionChunk.from_dict(json.loads(data))
            parsed.choices = [choice for choice in parsed.choices if choice.index == self._index][:1]
            if repr(parsed) != repr(chunk):
                raise ReadingError(f"{data!r} gives {chunk!r}, and parsed {parsed!r}")
        return chunk


def compare(data: bytes, cuts: list[int], max_event_size: int | None = None) -> int:
    """Read it in pieces with stencils, and whole without. How many frames needed no parsing. Raises ReadingError."""
    with_stencils = Reader(INFO, max_event_size=max_event_size, hide=bytes)
    parsing = _Parsing(INFO, max_event_size=max_event_size, hide=bytes)
    found, expected = _read(with_stencils, _cut(data, cuts)), _read(parsing, [data])
    if parsing.parsed != parsing.events:
        raise ReadingError("what is to parse each frame does not")
    if found != expected:
        differing = next((pair for pair in zip(found, expected, strict=False) if pair[0] != pair[1]), "their number")
        raise ReadingError(f"cut at {cuts}, {data!r} is read otherwise than parsed: {differing}")
    return with_stencils.events - with_stencils.parsed


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def _read(reader: Reader, pieces: list[bytes]) -> list[str]:
    """All that a reader says of a stream, in order."""
    said = list[str]()
    try:
        for piece in pieces:
            chunk = reader.recognize(piece) or reader.take(piece)
            while chunk is not None:
                # What a caller does to a chunk is its own affair.
                said.append(_spoil(chunk))
                chunk = reader.next()
    except AurousError as error:
        said.append(f"{type(error).__name__}: {error} {error.completion_id} {error.text!r}")
    so_far = reader.accumulator
    said += [repr(so_far.choice), repr(so_far.inconsistencies), repr(so_far.finish_reason), repr(so_far.usage)]
    said += [repr(reader.receipt), repr(reader.warnings), f"{reader.id!r} {reader.is_done} {reader.events}"]
    try:
        said.append(repr(so_far.completion()))
    except AurousError as error:
        said.append(str(error))
    return said


def _spoil(chunk: ChatCompletionChunk) -> str:
    """What a chunk says. Nothing of it is left as it was."""
    told = repr(chunk)
    for choice in chunk.choices:
        choice.delta.content = "spoilt"
        choice.delta.additional_properties["spoilt"] = True
        choice.additional_properties["spoilt"] = True
        choice.finish_reason = "spoilt"
    chunk.choices.clear()
    chunk.additional_properties["spoilt"] = True
    chunk.id = "spoilt"
    return told
