"""Reads frames of a stream that differ in their text alone, without parsing what they share. Pure; knows no stream.

Nearly all chunks of an answer have the same bytes around a few characters of text. A `Stencil` is cut from one frame
that was parsed in full. Where another has the same bytes around a JSON string, it says the same but for that string:
what stands before it leaves a parser in the same state, and so does what stands behind it.
"""

from __future__ import annotations

import re
from copy import copy
from json import JSONDecoder
from typing import Any, Final

from aurous_client.models import ChatCompletionChunk

BLANK_LINE: Final = b"\n\n"
"""What ends an event, most often."""

# Text that a JSON string has between its quotes, letter for letter.
_PLACE: Final = re.compile(r'"content"\s*:\s*"((?:[^"\\]|\\.)*)"')
_PROBE: Final = "a text that no frame had"

_read_json = JSONDecoder().raw_decode


class Stencil:
    """One frame with a hole where its text was. It is put on every event of a stream, so each step counts.

    head, tail: the bytes of the event around the text, with the blank line that ends it
    chunk:      what was read from it; is kept
    """

    def __init__(self, head: bytes, tail: bytes, chunk: ChatCompletionChunk, *, max_event_size: int) -> None:
        self._head, self._tail = head, tail
        self._before, self._after = slice(len(head)), slice(-len(tail), None)
        self._between = slice(len(head), -len(tail))
        self._least, self._most = len(head) + len(tail), max_event_size + len(BLANK_LINE)
        self._copy_chunk = chunk.__copy__
        self._copy_choice = chunk.choices[0].__copy__
        self._copy_delta = chunk.choices[0].delta.__copy__

    def read(self, event: bytes) -> str | None:
        """The text of an event; None if it does not fit, or is no JSON."""
        # A slice is found sooner than a method.
        if event[self._before] != self._head or event[self._after] != self._tail:
            return None
        if not self._least <= len(event) <= self._most:
            return None
        try:
            text = event[self._between].decode()
            if "\\" in text or '"' in text or not text.isprintable():
                quoted = f'"{text}"'
                text, length = _read_json(quoted)
                return text if length == len(quoted) else None
        except ValueError:
            return None
        return text

    def chunk(self, text: str) -> ChatCompletionChunk:
        """The chunk that a frame with this text stands for."""
        chunk, choice, delta = self._copy_chunk(), self._copy_choice(), self._copy_delta()
        delta.content = text
        choice.delta = delta
        chunk.choices = [choice]
        return chunk


def cut(event: bytes, data: str, chunk: ChatCompletionChunk, *, max_event_size: int) -> Stencil | None:
    """A stencil of a frame. None where more than its text can matter, or its text cannot be told from the rest.

    event: all its bytes
    data:  what it says, which has to be its last line
    """
    if not _has_text_alone(chunk):
        return None
    lead = event.removesuffix(data.encode() + BLANK_LINE)
    if not lead.endswith((b"data: ", b"data:")):
        return None
    for place in _PLACE.finditer(data):
        head, tail = data[: place.start(1)], data[place.end(1) :]
        # To be sure of the place, see what another text in it would have come to.
        probed = ChatCompletionChunk.from_dict(_read_json(f"{head}{_PROBE}{tail}")[0])
        if probed.choices and probed.choices[0].delta.content == _PROBE:
            around = lead + head.encode(), tail.encode() + BLANK_LINE
            stencil = Stencil(*around, _kept(chunk), max_event_size=max_event_size)
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
