"""Differential test of the stream parser: with chunk templates and without, over any cuts of the bytes."""

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
    """The two parsers disagree."""


class _Parsing(Reader):
    """A parser without templates, which checks each chunk against its frame."""

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
    """Read the stream in pieces with templates, and whole without. Returns the number of templated chunks.

    Raises ReadingError.
    """
    with_templates = Reader(INFO, max_event_size=max_event_size, hide=bytes)
    parsing = _Parsing(INFO, max_event_size=max_event_size, hide=bytes)
    result, expected = _read(with_templates, _cut(data, cuts)), _read(parsing, [data])
    if parsing.parsed != parsing.events:
        raise ReadingError("the reference parser does not parse each frame")
    if result != expected:
        differing = next((pair for pair in zip(result, expected, strict=False) if pair[0] != pair[1]), "their number")
        raise ReadingError(f"cut at {cuts}, {data!r} is read differently than parsed: {differing}")
    return with_templates.events - with_templates.parsed


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def _read(reader: Reader, pieces: list[bytes]) -> list[str]:
    """Everything that a parser reports of a stream, in order."""
    observed = list[str]()
    try:
        for piece in pieces:
            chunk = reader.recognize(piece) or reader.take(piece)
            while chunk is not None:
                # Callers may change chunks.
                observed.append(_overwrite(chunk))
                chunk = reader.next()
    except AurousError as error:
        observed.append(f"{type(error).__name__}: {error} {error.completion_id} {error.text!r}")
    so_far = reader.accumulator
    observed += [repr(so_far.choice), repr(so_far.inconsistencies), repr(so_far.finish_reason), repr(so_far.usage)]
    observed += [repr(reader.receipt), repr(reader.warnings), f"{reader.id!r} {reader.is_done} {reader.events}"]
    try:
        observed.append(repr(so_far.completion()))
    except AurousError as error:
        observed.append(str(error))
    return observed


def _overwrite(chunk: ChatCompletionChunk) -> str:
    """The chunk as text; then overwrite all of it."""
    label = repr(chunk)
    for choice in chunk.choices:
        choice.delta.content = "overwritten"
        choice.delta.additional_properties["overwritten"] = True
        choice.additional_properties["overwritten"] = True
        choice.finish_reason = "overwritten"
    chunk.choices.clear()
    chunk.additional_properties["overwritten"] = True
    chunk.id = "overwritten"
    return label
