"""Parses chunks that differ from an earlier one in a few strings only, without parsing what they share.

Nearly all chunks of a stream have the same bytes around a few characters: a piece of the text or of a call's arguments,
and perhaps a member that the server pads each chunk with. A template is made from one block, the bytes of a server-sent
event, that was parsed in full. If another block has the same bytes around JSON strings, it means the same except for
those strings: the bytes before a string leave a JSON parser in the same state, and so do the bytes after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from itertools import islice
from json import JSONDecoder, dumps
from typing import Any, Final, NamedTuple

from aurous_client.models import ChatCompletionChunk, ChunkDelta, FunctionCallDelta, ToolCallDelta
from aurous_client.types import UNSET

BLANK_LINE: Final = b"\n\n"
"""The usual end of a block."""

_PROBE: Final = "a text that no chunk had"
# Places that are tried for each string; more would take too long in a block that has its name in many of them.
_MAX_PLACES: Final = 4
# Members of a chunk that decide what it means.
_MEANINGFUL: Final = frozenset({"error", "warning", "type", "code"})

_read_json = JSONDecoder().raw_decode


class _Gap(NamedTuple):
    """A string that differs between chunks."""

    owner: int | None
    """The object that has it among its unknown members: 0 the chunk, 1 its choice, 2 its delta. None for the text."""
    name: str

    def value(self, chunk: ChatCompletionChunk) -> object:
        """Its value in a chunk."""
        choice = chunk.choices[0]
        if self.owner is not None:
            return (chunk, choice, choice.delta)[self.owner].additional_properties.get(self.name)
        function = _function(choice.delta)
        return choice.delta.content if function is None else function.arguments


class ChunkTemplate:
    """A block with gaps in place of strings. It is tried on every block of a stream, so each step counts.

    fixed: the bytes of the block before, between and after the gaps, with the blank line that ends it
    gaps:  in the order of the block
    chunk: what was parsed from it; not changed, and not handed out
    """

    def __init__(
        self, fixed: Sequence[bytes], gaps: Sequence[_Gap], chunk: ChatCompletionChunk, *, max_event_size: int
    ) -> None:
        self._head, *self._middles, self._tail = fixed
        self._before, self._after = slice(len(self._head)), slice(-len(self._tail), None)
        self._between = slice(len(self._head), -len(self._tail))
        self._min_size, self._max_size = sum(map(len, fixed)), max_event_size + len(BLANK_LINE)
        self._text = next((index for index, gap in enumerate(gaps) if gap.owner is None), None)
        self._others = [(index, gap.owner, gap.name) for index, gap in enumerate(gaps) if gap.owner is not None]
        choice, delta = chunk.choices[0], chunk.choices[0].delta
        self._copy_chunk, self._copy_choice, self._copy_delta = chunk.__copy__, choice.__copy__, delta.__copy__
        self._call, self._function = _call(delta), _function(delta)
        self._has_empty_calls = delta.tool_calls == []
        self.matches = 0
        """How many blocks matched."""

    def read(self, block: bytes) -> Sequence[str] | None:
        """The strings of a block; None if it does not match, or is not JSON."""
        # Slicing is quicker than startswith() and endswith().
        if block[self._before] != self._head or block[self._after] != self._tail:
            return None
        if not self._min_size <= len(block) <= self._max_size:
            return None
        content = block[self._between]
        try:
            if not self._middles:
                return (_read_string(content),)
            strings = []
            for middle in self._middles:
                # It begins with the quote that ends a string. One that is escaped or stands elsewhere is no valid end.
                string, found, content = content.partition(middle)
                if not found:
                    return None
                strings.append(_read_string(string))
            return (*strings, _read_string(content))
        except ValueError:
            return None

    def match(self, block: bytes) -> ChatCompletionChunk | None:
        """The chunk of a block; None if it does not match."""
        strings = self.read(block)
        return None if strings is None else self.chunk(strings)

    def chunk(self, strings: Sequence[str]) -> ChatCompletionChunk:
        """The chunk of a block with these strings."""
        self.matches += 1
        chunk, choice, delta = self._copy_chunk(), self._copy_choice(), self._copy_delta()
        choice.delta = delta
        chunk.choices = [choice]
        if self._call is not None and self._function is not None:
            call, function = self._call.__copy__(), self._function.__copy__()
            if self._text is not None:
                function.arguments = strings[self._text]
            call.function = function
            delta.tool_calls = [call]
        else:
            if self._text is not None:
                delta.content = strings[self._text]
            if self._has_empty_calls:
                delta.tool_calls = []
        for index, owner, name in self._others:
            (chunk, choice, delta)[owner].additional_properties[name] = strings[index]
        return chunk


def make_template(
    block: bytes, data: str, chunk: ChatCompletionChunk, previous: ChatCompletionChunk, *, max_event_size: int
) -> ChunkTemplate | None:
    """A template of a block. None if more than a few strings can matter, or one of them cannot be located.

    data:     its data, which must be its last line
    previous: another chunk of the stream, which tells what differs
    """
    if not _has_text_alone(chunk):
        return None
    lead = block.removesuffix(data.encode() + BLANK_LINE)
    if not lead.endswith((b"data: ", b"data:")):
        return None
    places = [(_find(gap, data), gap) for gap in _gaps(chunk, previous)]
    found = sorted((place, gap) for place, gap in places if place is not None)
    if not found or len(found) < len(places):
        return None
    ends = [0, *(end for (_, end), _ in found)]
    starts = [*(start for (start, _), _ in found), len(data)]
    texts = [data[end:start] for end, start in zip(ends, starts, strict=True)]
    fixed = [text.encode() for text in texts]
    fixed[0], fixed[-1] = lead + fixed[0], fixed[-1] + BLANK_LINE
    gaps = [gap for _, gap in found]
    template = ChunkTemplate(fixed, gaps, private_copy(chunk), max_event_size=max_event_size)
    # To be sure of the places, parse the block with other strings in them.
    probed = ChatCompletionChunk.from_dict(_read_json(_PROBE.join(texts))[0])
    is_right = template.chunk([_PROBE] * len(gaps)) == probed
    template.matches = 0
    return template if is_right else None


def _read_string(content: bytes) -> str:
    """A JSON string from what is between its quotes. Raises ValueError."""
    text = content.decode()
    if "\\" in text or '"' in text or not text.isprintable():
        quoted = f'"{text}"'
        text, length = _read_json(quoted)
        if length != len(quoted):
            raise ValueError("it ends before its last quote")
    return text


def _gaps(chunk: ChatCompletionChunk, previous: ChatCompletionChunk) -> Iterable[_Gap]:
    """The strings of a chunk that other chunks will not have."""
    function = _function(chunk.choices[0].delta)
    name, text = ("content", chunk.choices[0].delta.content) if function is None else ("arguments", function.arguments)
    if isinstance(text, str):
        yield _Gap(None, name)
    for owner, (each, other) in enumerate(zip(_owners(chunk)[:3], _owners(previous)[:3], strict=False)):
        for name, value in each.additional_properties.items():
            before = other.additional_properties.get(name)
            if isinstance(value, str) and before != value and not (owner == 0 and name in _MEANINGFUL):
                yield _Gap(owner, name)


def _find(gap: _Gap, data: str) -> tuple[int, int] | None:
    """Where a string is written, between its quotes. Found by trying, since others can have the same name."""
    pattern = rf'{re.escape(dumps(gap.name))}\s*:\s*"((?:[^"\\]|\\.)*)"'
    for place in islice(re.finditer(pattern, data), _MAX_PLACES):
        start, end = place.span(1)
        probed = ChatCompletionChunk.from_dict(_read_json(f"{data[:start]}{_PROBE}{data[end:]}")[0])
        if probed.choices and gap.value(probed) == _PROBE:
            return start, end
    return None


def _has_text_alone(chunk: ChatCompletionChunk) -> bool:
    """Whether a chunk adds nothing but text, or arguments of one call, that would have to be looked at each time."""
    if len(chunk.choices) != 1 or chunk.usage:
        return False
    choice, delta = chunk.choices[0], chunk.choices[0].delta
    if choice.finish_reason or choice.logprobs:
        return False
    function = _function(delta)
    if delta.tool_calls and (function is None or len(delta.tool_calls) != 1 or delta.content):
        return False
    # Lists and objects would be shared between chunks.
    return all(_is_scalar(value) for each in _owners(chunk) for value in each.additional_properties.values())


def _owners(chunk: ChatCompletionChunk) -> list[Any]:
    """The objects of a chunk that can have unknown members: those of `_Gap.owner`, then its call and its function."""
    if not chunk.choices:
        return [chunk]
    delta = chunk.choices[0].delta
    return [chunk, chunk.choices[0], delta, *(each for each in (_call(delta), _function(delta)) if each is not None)]


def _call(delta: ChunkDelta) -> ToolCallDelta | None:
    return delta.tool_calls[0] if delta.tool_calls else None


def _function(delta: ChunkDelta) -> FunctionCallDelta | None:
    call = _call(delta)
    return call.function if call is not None and call.function else None


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def private_copy(chunk: ChatCompletionChunk) -> ChatCompletionChunk:
    """A copy that stays as it is, whatever happens to the chunk that is handed out."""
    duplicate = copy(chunk)
    duplicate.choices = [copy(choice) for choice in chunk.choices]
    for choice in duplicate.choices:
        choice.delta = delta = copy(choice.delta)
        if delta.tool_calls is not UNSET:
            delta.tool_calls = [copy(call) for call in delta.tool_calls]
            for call in delta.tool_calls:
                call.function = copy(call.function)
    return duplicate
