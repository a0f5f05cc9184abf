"""Streams of the API as a server sends them: chunks, events, and actions of a raw server."""

from __future__ import annotations

import json
from typing import Any, Final

from testkit.raw_server import Action, Ending, raw
from testkit.responses import MODEL, chunked

HEAD: Final = {"id": "cmp_1", "object": "chat.completion.chunk", "created": 1731948000, "model": MODEL}
USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 12,
    "completion_tokens": 24,
    "total_tokens": 36,
    "credits_charged": 0.0117,
    "breakdown": {"input_credits": 0.0009, "output_credits": 0.0108, "model": MODEL, "pricing_version": 7},
}


def chunk(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **members: Any) -> dict[str, Any]:
    """A chunk with this delta, or without a choice."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish_reason}]
    return {**HEAD, "choices": choices, **members}


ROLE: Final = chunk({"role": "assistant", "content": ""})
LAST: Final = chunk({}, "stop", usage=USAGE)
RED: Final = chunk({"content": "Red"})
GREEN: Final = chunk({"content": ", green"})
# The frames of a complete stream, and the text that its chunks add up to.
WHOLE: Final = [ROLE, RED, GREEN, LAST, "[DONE]"]
TEXT: Final = "Red, green"


def events(*frames: Any) -> bytes:
    """Frames as they are on the wire. Text is sent as it is, anything else as JSON, and bytes stand for themselves."""
    return b"".join(frame if isinstance(frame, bytes) else b"data: " + _encoded(frame) + b"\n\n" for frame in frames)


def _encoded(frame: Any) -> bytes:
    return (frame if isinstance(frame, str) else json.dumps(frame)).encode()


def begin(*headers: str, kind: str = "text/event-stream; charset=utf-8") -> bytes:
    """The head of a response that is a stream."""
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {kind}", *headers, "", ""]).encode()


def in_pieces(*pieces: bytes, ends: bool = True) -> bytes:
    """A stream in chunks of HTTP, with the last one or without."""
    return begin("Transfer-Encoding: chunked") + chunked(*pieces, ends=ends)


def sends(*frames: Any, then: Ending = "keep", ends: bool = True) -> Action:
    """An action: sends these frames, each in a chunk of HTTP of its own."""
    return raw(in_pieces(*(events(frame) for frame in frames), ends=ends), then=then)


def record(content: str | None = TEXT, status: str = "completed", **members: Any) -> dict[str, Any]:
    """The stored completion of such a stream."""
    reasons = {"completed": "stop", "cancelled": "cancelled"}
    message = {"role": "assistant", "content": content, **members.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": reasons.get(status), "logprobs": None}
    choice |= members.pop("choice", {})
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE, "status": status, **members}
