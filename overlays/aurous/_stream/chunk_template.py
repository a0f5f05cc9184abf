"""Parses chunks that differ from an earlier one only in their text, without parsing what they share.

Nearly all chunks of a text have the same bytes around a few characters. A template is made from one block, the bytes of
a server-sent event, that was parsed in full. If another block has the same bytes around a JSON string, it means the
same except for that string: the bytes before it leave a JSON parser in the same state, and so do the bytes after it.
"""

from __future__ import annotations

import re
from copy import copy
from json import JSONDecoder
from typing import Any, Final

from aurous_client.models import ChatCompletionChunk

BLANK_LINE: Final = b"\n\n"
"""The usual end of a block."""

# A JSON string's contents, as written.
_CONTENT: Final = re.compile(r'"content"\s*:\s*"((?:[^"\\]|\\.)*)"')
_PROBE: Final = "a text that no chunk had"

_read_json = JSONDecoder().raw_decode


class ChunkTemplate:
    """A block with a gap in place of its text. It is tried on every block of a stream, so each step counts.

    head, tail: the bytes of the block around the text, with the blank line that ends it
    chunk:      what was parsed from it; not changed, and not handed out
    """

    def __init__(self, head: bytes, tail: bytes, chunk: ChatCompletionChunk, *, max_event_size: int) -> None:
        self._head, self._tail = head, tail
        self._before, self._after = slice(len(head)), slice(-len(tail), None)
        self._between = slice(len(head), -len(tail))
        self._min_size, self._max_size = len(head) + len(tail), max_event_size + len(BLANK_LINE)
        self._copy_chunk = chunk.__copy__
        self._copy_choice = chunk.choices[0].__copy__
        self._copy_delta = chunk.choices[0].delta.__copy__
        self.matches = 0
        """How many blocks matched."""

    def read_text(self, block: bytes) -> str | None:
        """The text of a block; None if it does not match, or is not JSON."""
        # Slicing is quicker than startswith() and endswith().
        if block[self._before] != self._head or block[self._after] != self._tail:
            return None
        if not self._min_size <= len(block) <= self._max_size:
            return None
        try:
            text = block[self._between].decode()
            if "\\" in text or '"' in text or not text.isprintable():
                quoted = f'"{text}"'
                text, length = _read_json(quoted)
                return text if length == len(quoted) else None
        except ValueError:
            return None
        return text

    def match(self, block: bytes) -> ChatCompletionChunk | None:
        """The chunk of a block; None if it does not match."""
        text = self.read_text(block)
        return None if text is None else self.chunk(text)

    def chunk(self, text: str) -> ChatCompletionChunk:
        """The chunk of a block with this text."""
        self.matches += 1
        chunk, choice, delta = self._copy_chunk(), self._copy_choice(), self._copy_delta()
        delta.content = text
        choice.delta = delta
        chunk.choices = [choice]
        return chunk


def make_template(block: bytes, data: str, chunk: ChatCompletionChunk, *, max_event_size: int) -> ChunkTemplate | None:
    """A template of a block. None if more than its text can matter, or its text cannot be located.

    data: its data, which must be its last line
    """
    if not _has_text_alone(chunk):
        return None
    lead = block.removesuffix(data.encode() + BLANK_LINE)
    if not lead.endswith((b"data: ", b"data:")):
        return None
    for place in _CONTENT.finditer(data):
        head, tail = data[: place.start(1)], data[place.end(1) :]
        # To be sure of the place, parse the block with another text in it.
        probed = ChatCompletionChunk.from_dict(_read_json(f"{head}{_PROBE}{tail}")[0])
        if probed.choices and probed.choices[0].delta.content == _PROBE:
            around = lead + head.encode(), tail.encode() + BLANK_LINE
            template = ChunkTemplate(*around, _private_copy(chunk), max_event_size=max_event_size)
            is_right = template.chunk(_PROBE) == probed
            template.matches = 0
            return template if is_right else None
    return None


def _has_text_alone(chunk: ChatCompletionChunk) -> bool:
    """Whether a chunk has no content but its text that would have to be looked at each time."""
    if len(chunk.choices) != 1 or chunk.usage:
        return False
    choice, delta = chunk.choices[0], chunk.choices[0].delta
    if choice.finish_reason or choice.logprobs or delta.tool_calls or delta.additional_properties:
        return False
    # Lists and objects would be shared between chunks.
    return all(_is_scalar(value) for each in (chunk, choice) for value in each.additional_properties.values())


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _private_copy(chunk: ChatCompletionChunk) -> ChatCompletionChunk:
    """A copy that stays as it is, whatever happens to the chunk that is handed out."""
    kept = copy(chunk)
    kept.choices = [copy(chunk.choices[0])]
    kept.choices[0].delta = copy(chunk.choices[0].delta)
    return kept
