"""Reads frames of a stream that differ in their text alone, without parsing what they share. Pure; knows no stream.

Nearly all chunks of an answer have the same bytes around a few characters of text. A `Stencil` is cut from one frame that
was parsed in full. Where another frame has the same bytes around a JSON string, it says the same but for that string: the
bytes before it leave a parser in the same state, and so do those behind it.
"""

from __future__ import annotations

import re
from copy import copy
from json import JSONDecoder
from typing import Any, Final

from aurous_client.models import ChatCompletionChunk

# Text that a JSON string has between its quotes, letter for letter.
_PLACE: Final = re.compile(r'"content"\s*:\s*"((?:[^"\\]|\\.)*)"')
_PROBE: Final = "a text that no frame had"

_read_json = JSONDecoder().raw_decode


class Stencil:
    """One frame with a hole where its text was. Cut from an event's data and the chunk that was read from it."""

    def __init__(self, head: bytes, tail: bytes, chunk: ChatCompletionChunk) -> None:
        self._head, self._tail = head, tail
        self._start, self._end = len(head), -len(tail)
        self._least = len(head) + len(tail)
        self._chunk = chunk
        self._choice = chunk.choices[0]
        self._delta = chunk.choices[0].delta

    def read(self, event: bytes) -> str | None:
        """The text of an event, given without the blank line that ends it; None if it does not fit, or is no JSON."""
        if not event.startswith(self._head) or not event.endswith(self._tail) or len(event) < self._least:
            return None
        try:
            text = event[self._start : self._end].decode()
            if "\\" in text or '"' in text or not text.isprintable():
                quoted = f'"{text}"'
                text, length = _read_json(quoted)
                return text if length == len(quoted) else None
        except ValueError:
            return None
        return text

    def chunk(self, text: str) -> ChatCompletionChunk:
        """The chunk that a frame with this text stands for."""
        delta = self._delta.__copy__()
        delta.content = text
        choice = self._choice.__copy__()
        choice.delta = delta
        chunk = self._chunk.__copy__()
        chunk.choices = [choice]
        return chunk


def cut(event: bytes, data: str, chunk: ChatCompletionChunk) -> Stencil | None:
    """A stencil of a frame. None where more than its text can matter, or its text cannot be told from the rest.

    event: as for `Stencil.read`
    data:  what the event says, which has to be its last line
    """
    lead = event.removesuffix(data.encode())
    if not lead.endswith((b"data: ", b"data:")) or not _has_text_alone(chunk):
        return None
    for place in _PLACE.finditer(data):
        head, tail = data[: place.start(1)], data[place.end(1) :]
        # To be sure of the place, see what another text in it would have come to.
        probed = ChatCompletionChunk.from_dict(_read_json(f"{head}{_PROBE}{tail}")[0])
        if probed.choices and probed.choices[0].delta.content == _PROBE:
            stencil = Stencil(lead + head.encode(), tail.encode(), _kept(chunk))
            return stencil if stencil.chunk(_PROBE) == probed else None
    return None


def _has_text_alone(chunk: ChatCompletionChunk) -> bool:
    """Whether a chunk says nothing that a reader would have to know of each time, other than its text."""
    if len(chunk.choices) != 1 or chunk.usage:
        return False
    choice, delta = chunk.choices[0], chunk.choices[0].delta
    if choice.finish_reason or choice.logprobs or delta.tool_calls or delta.additional_properties:
        return False
    # Lists and objects would be shared between chunks.
    return all(_is_scalar(value) for each in (chunk, choice) for value in each.additional_properties.values())


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _kept(chunk: ChatCompletionChunk) -> ChatCompletionChunk:
    """A chunk that stays as it is, whatever is done to the one that is handed out."""
    kept = copy(chunk)
    kept.choices = [copy(chunk.choices[0])]
    kept.choices[0].delta = copy(chunk.choices[0].delta)
    return kept
