"""Mutations of valid responses: the structure of a document, the events of a stream, the bytes of either.

A mutation is three numbers that Hypothesis draws and shrinks: what to do, where, and with which value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st
from testkit.streams import HEAD, chunk

from fuzzing import corpus

Mutation: TypeAlias = tuple[int, int, int]

_NUMBERS: Final = st.integers(0, 2**16)


def mutations(most: int = 4) -> st.SearchStrategy[list[Mutation]]:
    """A list of mutations, or none."""
    return st.lists(st.tuples(_NUMBERS, _NUMBERS, _NUMBERS), max_size=most)


class Raw(str):
    """Text that is written into a document verbatim."""


class Pairs(list[tuple[str, Any]]):
    """An object that may have duplicate names."""


UNUSUAL_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2.5, 1e308, 10**30, "", "0", "x" * 5000, "\ud800", "\0", "\U0001f9ea", [], {}, [[]],
    {"": None}, [None] * 300, Raw("NaN"), Raw("-Infinity"), Raw("1e999"), Raw("-0.0"), Raw("1" * 5000), Raw("1" * 400),
    Raw("0.1" + "0" * 400 + "1"), Raw("1e-999999999"), Raw("1E+99999999999999999999"), Raw("[" * 3000 + "]" * 3000),
    Raw('{"a":' * 3000 + "1" + "}" * 3000), Raw("[" * 60 + "]" * 60), Raw("01"), Raw("'x'"), Raw('"\\ud800"'),
    Raw('"\t"'), Raw('"\\x"'), Raw(""), Raw("[1,]"), Raw("nul"),
    corpus.USAGE, corpus.ERROR["error"], corpus.COMPLETION["choices"], {"code": "x", "message": "y"},
)  # fmt: skip
_NAMES: Final = (
    "id", "object", "created", "model", "choices", "index", "delta", "content", "role", "finish_reason", "tool_calls",
    "usage", "warning", "error", "type", "code", "message", "credits_charged", "breakdown", "status", "", "\ud800",
    "__class__", "additional_properties", "self", "data", "logprobs", "function", "arguments",
)  # fmt: skip


def encode(value: Any, *, spaces: bool = False, ascii_only: bool = False) -> str:
    """A document as JSON, or almost."""
    comma, colon = (", ", ": ") if spaces else (",", ":")
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, (dict, Pairs)):
        pairs = value.items() if isinstance(value, dict) else value
        members = (
            json.dumps(name, ensure_ascii=ascii_only) + colon + encode(each, spaces=spaces, ascii_only=ascii_only)
            for name, each in pairs
        )
        return f"{{{comma.join(members)}}}"
    if isinstance(value, list):
        return f"[{comma.join(encode(each, spaces=spaces, ascii_only=ascii_only) for each in value)}]"
    return json.dumps(value, ensure_ascii=ascii_only)


def to_bytes(text: str) -> bytes:
    """UTF-8, with lone surrogates encoded as invalid bytes."""
    return text.encode("utf-8", "surrogatepass")


def mutate(document: Any, mutation: Mutation) -> Any:
    """The document with one change to its structure."""
    kind, place, value = mutation
    document = deepcopy(document)
    slots = list(_slots(document))
    if not slots:
        return UNUSUAL_VALUES[value % len(UNUSUAL_VALUES)]
    holder, name = slots[place % len(slots)]
    match kind % 6:
        case 0:
            holder[name] = deepcopy(UNUSUAL_VALUES[value % len(UNUSUAL_VALUES)])
        case 1:
            del holder[name]
        case 2 if isinstance(holder, dict):
            holder[_NAMES[value % len(_NAMES)]] = holder.pop(name)
        case 3 if isinstance(holder, dict):
            return _twice(document, holder, name, UNUSUAL_VALUES[value % len(UNUSUAL_VALUES)])
        case 4 if isinstance(holder, dict):
            holder[_NAMES[value % len(_NAMES)]] = deepcopy(UNUSUAL_VALUES[place % len(UNUSUAL_VALUES)])
        case _ if isinstance(holder, list):
            holder.insert(name, deepcopy(holder[name]))
        case _:
            holder[name] = [holder[name]]
    return document


def _slots(value: Any) -> Any:
    """Every place of a document, as its container and the name or index in it."""
    if isinstance(value, Pairs):
        for _, each in value:
            yield from _slots(each)
    elif isinstance(value, (dict, list)):
        for name in value if isinstance(value, dict) else range(len(value)):
            yield value, name
            yield from _slots(value[name])


def _twice(document: Any, holder: Any, name: str, value: Any) -> Any:
    """The document with a duplicate member in one object."""
    if document is holder:
        return Pairs([*((each, holder[each]) for each in holder), (name, value)])
    if isinstance(document, dict):
        return {each: _twice(inner, holder, name, value) for each, inner in document.items()}
    if isinstance(document, Pairs):
        return Pairs([(each, _twice(inner, holder, name, value)) for each, inner in document])
    if isinstance(document, list):
        return [_twice(each, holder, name, value) for each in document]
    return document


_BYTES: Final = (
    b"\xff", b"\xc3", b"\xe2\x80", b"\xf0\x9f\x8e", b"\xed\xa0\x80", b"\xc0\x80", b"\0", b"\r", b"\n", b"\r\n", b"\n\n",
    b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"data: ", b"data:", b" ", b": x\n", b"\x1a",
    b"event: error\n", b"\xe2\x80\xa8", b"x" * 70_000,
)  # fmt: skip


def mutate_bytes(data: bytes, mutation: Mutation) -> bytes:
    """The bytes with one change."""
    kind, place, value = mutation
    at = place % (len(data) + 1)
    piece = _BYTES[value % len(_BYTES)]
    match kind % 6:
        case 0:
            return data[:at] + piece + data[at:]
        case 1:
            return data[:at] + data[at + 1 + value % 40 :]
        case 2:
            return data[:at] + data[at : at + value % 200] + data[at:]
        case 3:
            return data[:at]
        case 4:
            return data[:at] + piece + data[at + len(piece) :]
        case _:
            return data[:at] + bytes([value % 256]) + data[at + 1 :]


Frames: TypeAlias = list[bytes]


def frame(document: Any, style: int) -> bytes:
    """One event, in one of the ways that servers write them."""
    text = document if isinstance(document, str) and not isinstance(document, Raw) else None
    if text is None:
        text = encode(document, spaces=bool(style & 1), ascii_only=bool(style & 2))
    return (b"data:" if style & 4 else b"data: ") + to_bytes(text) + b"\n\n"


def _merge(frames: Frames, at: int, value: int) -> Frames:
    """Join two events, without the blank line or with half of it."""
    joint = (b"", b"\n", b"\r", b"\r\n")[value % 4]
    return [*frames[:at], frames[at].rstrip(b"\n") + joint + b"".join(frames[at + 1 : at + 2]), *frames[at + 2 :]]


def _cut(frames: Frames, at: int, value: int) -> Frames:
    """Insert bytes into an event, such as the start of another data line."""
    joint = (b"\ndata: ", b"\n\ndata: ", b"\n", b"\r\ndata:", b"\n: comment\ndata: ", b"\nid: 7\n")[value % 6]
    place = value % max(len(frames[at]), 1)
    return [*frames[:at], frames[at][:place] + joint + frames[at][place:], *frames[at + 1 :]]


_LINES: Final = (
    b": keep-alive\n\n",
    b"event: ping\n\n",
    b"id: 7\n",
    b"id: \0\n",
    b"retry: 99999999999999999999\n",
    b"retry: 10\n\n",
    b"event: error\n",
    b"event: message\n",
    b"event: warning\n",
    b"data\n\n",
    b"data:\n\n",
    b"\n",
    b"\r",
    b": x\n",
    b"data: [DONE]\n\n",
    b"data: null\n\n",
    b"data: []\n\n",
    b"unknown: x\n",
    b"event: ping\n",
    b"\n\n\n\n",
    b"\xef\xbb\xbf",
)


def _insert(frames: Frames, at: int, value: int) -> Frames:
    return [*frames[:at], _LINES[value % len(_LINES)], *frames[at:]]


def _insert_frame(frames: Frames, at: int, value: int) -> Frames:
    label: tuple[Any, ...] = (
        corpus.ERROR,
        corpus.ERROR["error"],
        corpus.WARNING,
        {"error": "it failed"},
        {"type": "error"},
        chunk({}, "stop"),
        chunk({"content": "x"}, usage=corpus.USAGE),
        {**HEAD, "choices": [], "usage": corpus.USAGE},
        {**HEAD, "id": "cmp_2", "choices": [{"index": 1, "delta": {"content": "other"}}]},
    )
    return [*frames[:at], frame(label[value % len(label)], value >> 8), *frames[at:]]


def _line_ends(frames: Frames, at: int, value: int) -> Frames:
    end = (b"\r\n", b"\r", b"\n\r")[value % 3]
    changed = frames if value % 2 else frames[at : at + 1]
    return [each.replace(b"\n", end) if any(each is one for one in changed) else each for each in frames]


_OF_FRAMES: Final[tuple[Callable[[Frames, int, int], Frames], ...]] = (
    _merge,
    _cut,
    _insert,
    _insert_frame,
    _line_ends,
    lambda frames, at, value: [*frames[:at], *frames[at + 1 :]],
    lambda frames, at, value: [*frames[:at], *frames[at : at + 1] * (1 + value % 40), *frames[at:]],
    lambda frames, at, value: [*frames[:at], *frames[at + 1 : at + 2], *frames[at : at + 1], *frames[at + 2 :]],
    lambda frames, at, value: [
        *frames[:at],
        mutate_bytes(frames[at], (value, value >> 3, value >> 5)),
        *frames[at + 1 :],
    ],
)


def mutate_frames(frames: Frames, mutation: Mutation) -> Frames:
    """The events with one change to their order or lines."""
    kind, place, value = mutation
    if not frames:
        return [_LINES[value % len(_LINES)]]
    return _OF_FRAMES[kind % len(_OF_FRAMES)](frames, place % len(frames), value)


@st.composite
def documents(draw: st.DrawFn, original: Any) -> bytes:
    """A document, mutated in structure, in bytes, or not at all."""
    document = original
    for mutation in draw(mutations(3)):
        document = mutate(document, mutation)
    style = draw(st.integers(0, 3))
    data = to_bytes(encode(document, spaces=bool(style & 1), ascii_only=bool(style & 2)))
    for mutation in draw(mutations(2)):
        data = mutate_bytes(data, mutation)
    return data


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A stream, mutated in its chunks, events, bytes, or not at all."""
    texts = draw(st.lists(st.sampled_from(corpus.TEXTS) | st.text(max_size=4), max_size=12))
    frames = corpus.stream(texts, kind=draw(st.sampled_from(list(corpus.CHUNKS))), calls=draw(st.booleans()))
    extras = draw(st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(UNUSUAL_VALUES[:16]), max_size=1))
    frames = [{**extras, **each} if isinstance(each, dict) else each for each in frames]
    for kind, place, value in draw(mutations(2)):
        at = place % len(frames)
        if isinstance(frames[at], dict):
            frames[at] = mutate(frames[at], (kind, value, place))
    style = draw(st.integers(0, 7))
    events = [frame(each, style) for each in frames]
    for mutation in draw(mutations(3)):
        events = mutate_frames(events, mutation)
    data = b"".join(events)
    for mutation in draw(mutations(1)):
        data = mutate_bytes(data, mutation)
    return data
