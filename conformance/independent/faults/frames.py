"""Faults of a stream's frames, each planted in every kind of stream: `usage_missing_tools`, `done_missing_stop`, ..."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..application import Application
from ..changes import FAULTS, Change
from ..identifiers import new_id
from ..streams import Frame, Stream

PAGE = "api-reference/chat/streaming"
KINDS = {
    "text": "plain text",
    "tools": "tool calls",
    "reasoning": "answers with a reasoning_effort",
    "structured": "structured output",
    "logprobs": "answers with logprobs",
    "length": "answers cut by max_tokens",
    "stop": "answers with stop sequences",
    "keyed": "requests with an Idempotency-Key",
    "cancelled": "cancelled completions",
}
Edit = Callable[[Stream, Frame], Iterable[Frame]]
EDITS: list[Edit] = []


def edit(function: Edit) -> Edit:
    EDITS.append(function)
    return function


def _last(frame: Frame, **members: Any) -> Frame:
    chunk = copy.deepcopy(frame.data)
    chunk["choices"][0] |= members
    return Frame(frame.kind, chunk)


@edit
def role_missing(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The first delta has no role."""
    if frame.kind == "role":
        del frame.data["choices"][0]["delta"]["role"]
    yield frame


@edit
def index_one(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The last chunk's choice has the index 1."""
    yield _last(frame, index=1) if frame.kind == "last" else frame


@edit
def finish_reason_missing(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """No chunk has a finish_reason."""
    yield _last(frame, finish_reason=None) if frame.kind == "last" else frame


@edit
def finish_reason_twice(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """Two chunks have a finish_reason."""
    if frame.kind == "last":
        repeated = _last(frame)
        repeated.data.pop("usage", None)
        yield repeated
    yield frame


@edit
def usage_missing(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """No chunk has usage, though it was not suppressed."""
    if frame.kind == "last":
        frame.data.pop("usage", None)
    yield frame


@edit
def usage_early(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The usage is in a chunk before the last one."""
    if frame.kind == "last":
        usage = frame.data.pop("usage", None)
        yield Frame("text", stream.chunk({}) | {"usage": usage})
    yield frame


@edit
def done_missing(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The stream ends without [DONE]."""
    if frame.kind != "done":
        yield frame


@edit
def frame_after_done(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """A chunk follows [DONE]."""
    yield frame
    if frame.kind == "done":
        yield Frame("text", stream.chunk({}))


@edit
def id_changes(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The last chunk has an id of its own."""
    if frame.kind == "last":
        frame.data["id"] = new_id("cmp")
    yield frame


@edit
def created_changes(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The last chunk was created an hour after the others."""
    if frame.kind == "last":
        frame.data["created"] += 3600
    yield frame


@edit
def model_changes(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The last chunk names another model."""
    if frame.kind == "last":
        frame.data["model"] = "aurous-grow-1.0"
    yield frame


@edit
def object_wrong(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The last chunk is called a chat.completion."""
    if frame.kind == "last":
        frame.data["object"] = "chat.completion"
    yield frame


@edit
def content_after_finish(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """Text follows the chunk with the finish_reason."""
    if frame.kind == "done":
        yield Frame("text", stream.chunk({"content": " more"}))
    yield frame


@edit
def token_lost(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The third token of the answer is missing from the stream, though not from the record."""
    if not (frame.kind in ("text", "call") and stream.completion.produced == 3):
        yield frame


@edit
def token_repeated(stream: Stream, frame: Frame) -> Iterator[Frame]:
    """The third token of the answer is sent twice."""
    yield frame
    if frame.kind in ("text", "call") and stream.completion.produced == 3:
        yield frame


def _edit_kind(change: Edit, kind: str) -> Callable[[Application], None]:
    def edited(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if kind in stream.kinds:
                yield from change(stream, frame)
            else:
                yield frame

    return lambda application: application.seams.frames.append(edited)


for _edit in EDITS:
    for _kind, _streams in KINDS.items():
        # A stream is not yet cancelled when its first frames are sent.
        if _kind == "cancelled" and _edit in (role_missing, token_lost, token_repeated):
            continue
        _sentence = f"{(_edit.__doc__ or '').rstrip('.')}, in streams of {_streams}."
        _name = f"{_edit.__name__}_{_kind}"
        FAULTS.add(Change(_name, _sentence, PAGE, (f"stream_{_kind}",), _edit_kind(_edit, _kind)))
