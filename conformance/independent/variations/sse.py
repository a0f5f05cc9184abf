"""Variations of streams: their bytes, their framing, and how an answer is cut into chunks."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from ..application import Application
from ..changes import VARIATIONS
from ..messages import Call, Response
from ..streams import WARNING, Frame, Stream

STREAMING = "api-reference/chat/streaming"


def _rewrite(application: Application, rewrite: Callable[[Iterator[bytes]], Iterator[bytes]]) -> None:
    """Change the bytes of streams."""

    def change(call: Call, response: Response) -> None:
        if response.stream is not None:
            response.stream = rewrite(response.stream)

    application.seams.response.append(change)


def _edit_chunks(application: Application, edit: Callable[[Frame], object]) -> None:
    """Change every chunk of streams."""

    def edited(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if isinstance(frame.data, dict):
                edit(frame)
            yield frame

    application.seams.frames.append(edited)


@VARIATIONS.plant(STREAMING, "stream_bytes")
def stream_in_one_piece(application: Application) -> None:
    """A stream arrives in one piece, as through a proxy that buffers."""
    _rewrite(application, lambda parts: iter([b"".join(parts)]))


@VARIATIONS.plant(STREAMING, "stream_bytes")
def stream_cut_anywhere(application: Application) -> None:
    """A stream arrives in pieces of seven bytes."""

    def cut(parts: Iterator[bytes]) -> Iterator[bytes]:
        for part in parts:
            yield from (part[start : start + 7] for start in range(0, len(part), 7))

    _rewrite(application, cut)


@VARIATIONS.plant(STREAMING, "stream_bytes", "stream_text")
def lines_end_with_crlf(application: Application) -> None:
    """The lines of a stream end with CR LF."""
    _rewrite(application, lambda parts: (part.replace(b"\n", b"\r\n") for part in parts))


@VARIATIONS.plant(STREAMING, "stream_bytes", "stream_text")
def data_without_a_space(application: Application) -> None:
    """No space follows the colon of data lines."""
    _rewrite(application, lambda parts: (part.replace(b"data: ", b"data:", 1) for part in parts))


@VARIATIONS.plant(STREAMING, "stream_bytes", "stream_text")
def events_with_names_and_ids(application: Application) -> None:
    """Events have the fields event, id and retry."""

    def number(parts: Iterator[bytes]) -> Iterator[bytes]:
        for count, part in enumerate(parts):
            yield f"event: message\nid: {count}\nretry: 3000\n".encode() + part

    _rewrite(application, number)


@VARIATIONS.plant(STREAMING, "stream_bytes", "stream_text")
def data_on_several_lines(application: Application) -> None:
    """Chunks are indented, with a data field for each line."""

    def encode(frame: Frame) -> bytes:
        if isinstance(frame.data, str):
            return f"data: {frame.data}\n\n".encode()
        lines = json.dumps(frame.data, indent=1).splitlines()
        return ("".join(f"data: {line}\n" for line in lines) + "\n").encode()

    application.chat.encode_frame = encode


@VARIATIONS.plant(STREAMING, "stream_bytes", "stream_text")
def comments_between_events(application: Application) -> None:
    """Comments stand before every event."""
    _rewrite(application, lambda parts: (b": keep-alive\n\n" + part for part in parts))


@VARIATIONS.plant(STREAMING, "stream_text", "stream_logprobs")
def chunks_with_spaces(application: Application) -> None:
    """Chunks are written with spaces after commas and colons."""

    def encode(frame: Frame) -> bytes:
        data = frame.data if isinstance(frame.data, str) else json.dumps(frame.data, ensure_ascii=False)
        return f"data: {data}\n\n".encode()

    application.chat.encode_frame = encode


@VARIATIONS.plant("guides/openai-drop-in", "stream_text", "stream_tools", "stream_length")
def usage_in_a_chunk_of_its_own(application: Application) -> None:
    """Usage is in a last chunk without choices, as OpenAI's does."""

    def split(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            usage = frame.data.pop("usage", None) if frame.kind == "last" else None
            yield frame
            if usage is not None:
                yield Frame("last", stream.chunk({}) | {"choices": [], "usage": usage})

    application.seams.frames.append(split)


@VARIATIONS.plant(STREAMING, "stream_text", "stream_tools")
def usage_null_before_the_last(application: Application) -> None:
    """Chunks before the last have a null usage."""

    def add(frame: Frame) -> None:
        if frame.kind in ("role", "text", "call"):
            frame.data["usage"] = None

    _edit_chunks(application, add)


@VARIATIONS.plant(STREAMING, "stream_without_usage")
def usage_null_when_suppressed(application: Application) -> None:
    """With include_usage false, the last chunk has a null usage."""

    def add(frame: Frame) -> None:
        if frame.kind == "last":
            frame.data.setdefault("usage", None)

    _edit_chunks(application, add)


@VARIATIONS.plant(STREAMING, "stream_text", "stream_tools")
def finish_reason_absent_before_the_last(application: Application) -> None:
    """Chunks before the last have no finish_reason at all."""

    def remove(frame: Frame) -> None:
        if frame.kind in ("role", "text", "call"):
            del frame.data["choices"][0]["finish_reason"]

    _edit_chunks(application, remove)


@VARIATIONS.plant(STREAMING, "stream_text", "stream_structured")
def role_with_the_first_text(application: Application) -> None:
    """The first chunk carries the role and the first text."""

    def merge(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        role: Frame | None = None
        for frame in frames:
            if frame.kind == "role":
                role = frame
                continue
            if role is not None:
                if frame.kind == "text":
                    frame.data["choices"][0]["delta"]["role"] = "assistant"
                else:
                    yield role
                role = None
            yield frame

    application.seams.frames.append(merge)


@VARIATIONS.plant(STREAMING, "stream_text", "stream_tools")
def role_without_content(application: Application) -> None:
    """The delta with the role has no content."""

    def remove(frame: Frame) -> None:
        if frame.kind == "role":
            del frame.data["choices"][0]["delta"]["content"]

    _edit_chunks(application, remove)


@VARIATIONS.plant(STREAMING, "stream_text", "stream_tools")
def chunks_with_more_members(application: Application) -> None:
    """Chunks have members that no page names."""
    _edit_chunks(application, lambda frame: frame.data.update(system_fingerprint="fp_1", obfuscation="x7"))


@VARIATIONS.plant(STREAMING, "stream_keyed")
def warning_in_the_first_chunk(application: Application) -> None:
    """The warning of a stream with a key stands in the chunk with the role."""

    def merge(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if frame.kind == "role" and stream.keyed:
                frame.data["warning"] = WARNING
            if frame.kind != "warning":
                yield frame

    application.seams.frames.append(merge)


@VARIATIONS.plant("api-reference/chat/create-a-chat-completion", "stream_text")
def warning_on_every_stream(application: Application) -> None:
    """Every stream begins with the warning, with or without a key."""

    def warn(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        if not stream.keyed:
            yield Frame("warning", stream.chunk({}) | {"choices": [], "warning": WARNING})
        yield from frames

    application.seams.frames.append(warn)


@VARIATIONS.plant(STREAMING, "stream_text", "stream_logprobs")
def several_tokens_in_a_chunk(application: Application) -> None:
    """A chunk carries up to four tokens of text."""

    def join(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        waiting: Frame | None = None
        count = 0
        for frame in frames:
            if frame.kind == "text" and waiting is not None and count < 4:
                _append(waiting.data["choices"][0], frame.data["choices"][0])
                count += 1
                continue
            if waiting is not None:
                yield waiting
                waiting = None
            if frame.kind == "text":
                waiting, count = frame, 1
            else:
                yield frame

    application.seams.frames.append(join)


def _append(choice: dict[str, Any], more: dict[str, Any]) -> None:
    choice["delta"]["content"] += more["delta"]["content"]
    if "logprobs" in choice:
        choice["logprobs"]["content"] += more["logprobs"]["content"]


@VARIATIONS.plant(STREAMING, "stream_text", "stream_tools")
def empty_deltas(application: Application) -> None:
    """Chunks with an empty delta stand between the others."""

    def pad(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            yield frame
            if frame.kind in ("text", "call"):
                yield Frame("text", stream.chunk({}))

    application.seams.frames.append(pad)


@VARIATIONS.plant("api-reference/chat/tools", "stream_tools", "stream_named_tool")
def call_in_one_delta(application: Application) -> None:
    """A streamed call is whole in a single delta."""

    def join(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        call: Frame | None = None
        for frame in frames:
            if frame.kind == "call" and call is not None:
                function = call.data["choices"][0]["delta"]["tool_calls"][0]["function"]
                function["arguments"] += frame.data["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
            elif frame.kind == "call":
                call = frame
            else:
                if call is not None:
                    yield call
                    call = None
                yield frame

    application.seams.frames.append(join)


@VARIATIONS.plant("api-reference/chat/cancellation", "stream_cancelled")
def cancelled_stream_just_ends(application: Application) -> None:
    """A cancelled stream ends without another frame."""
    application.seams.frames.append(
        lambda stream, frames: (frame for frame in frames if stream.completion.status != "cancelled")
    )


@VARIATIONS.plant("api-reference/chat/cancellation", "stream_cancelled")
def cancelled_stream_only_says_done(application: Application) -> None:
    """A cancelled stream ends with [DONE] alone."""
    application.seams.frames.append(
        lambda stream, frames: (
            frame for frame in frames if frame.kind == "done" or stream.completion.status != "cancelled"
        )
    )


@VARIATIONS.plant(STREAMING, "stream_bytes")
def stream_ends_with_the_connection(application: Application) -> None:
    """A stream has no framing of its own: it ends where the connection does."""

    def close(call: Call, response: Response) -> None:
        response.close = response.stream is not None

    application.seams.response.append(close)


@VARIATIONS.plant("RFC 9110", "stream_encoding")
def streams_compressed(application: Application) -> None:
    """Streams are compressed with gzip, each event as soon as it is made, where the client accepts it."""

    def compress(call: Call, response: Response) -> None:
        accepted = call.request.headers.get("Accept-Encoding") or ""
        if response.stream is not None and "gzip" in accepted:
            response.headers["Content-Encoding"] = "gzip"
            response.stream = _gzipped(response.stream)

    application.seams.response.append(compress)


def _gzipped(parts: Iterator[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(wbits=31)
    for part in parts:
        yield compressor.compress(part) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


@VARIATIONS.plant(STREAMING, "stream_text", "stream_tools")
def chunk_without_choices_first(application: Application) -> None:
    """A chunk without a choice comes before the role."""

    def begin(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if frame.kind == "role":
                yield Frame("comment chunk", stream.chunk({}) | {"choices": []})
            yield frame

    application.seams.frames.append(begin)
