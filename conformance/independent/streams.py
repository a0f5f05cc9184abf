"""Streams: the frames of a completion that is being produced, and their bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .completions import Completion
from .fake_model import Piece

WARNING = {
    "code": "idempotency_ignored_streaming",
    "message": "Idempotency-Key is ignored when stream is true.",
}


@dataclass
class Frame:
    """One event. `kind` is warning, role, text, call, last, done or comment; `data` a chunk, or a string."""

    kind: str
    data: Any


@dataclass
class Stream:
    """A streamed completion, and what its frames depend on."""

    completion: Completion
    keyed: bool
    pace: float
    complete: Callable[[Completion], None]

    @property
    def kinds(self) -> set[str]:
        """Return the kinds of this stream, which is of the kind cancelled only once it was cancelled."""
        request, answer = self.completion.request, self.completion.answer
        kinds = {
            "tools": bool(answer.call_ids),
            "structured": request.asks_for_json,
            "logprobs": request.logprobs,
            "reasoning": request.body.get("reasoning_effort", "minimal") != "minimal",
            "length": answer.finish_reason == "length",
            "stop": bool(request.stop),
            "keyed": self.keyed,
            "cancelled": self.completion.status == "cancelled",
        }
        return {kind for kind, holds in kinds.items() if holds} or {"text"}

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        """Return a chunk that adds `delta`."""
        return {
            "id": self.completion.id,
            "object": "chat.completion.chunk",
            "created": self.completion.created,
            "model": self.completion.model.id,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        }

    def frames(self) -> Iterator[Frame]:
        """Yield the frames: a warning to those who sent a key, the role, the answer, the last chunk, [DONE]."""
        completion = self.completion
        if self.keyed:
            yield Frame("warning", self.chunk({}) | {"choices": [], "warning": WARNING})
        content = None if completion.answer.call_ids else ""
        yield Frame("role", self.chunk({"role": "assistant", "content": content}))
        while (piece := completion.produce()) is not None:
            yield self.piece_frame(piece, completion.produced - 1)
            completion.ended.wait(self.pace)
        self.complete(completion)
        last = self.chunk({}, completion.finish_reason)
        if completion.request.include_usage:
            last["usage"] = completion.usage()
        yield Frame("last", last)
        yield Frame("done", "[DONE]")

    def piece_frame(self, piece: Piece, position: int) -> Frame:
        """Return the frame of one token."""
        if piece.call is None:
            chunk = self.chunk({"content": piece.text})
            logprobs = self.completion.logprobs(start=position)
            if logprobs is not None:
                chunk["choices"][0]["logprobs"] = {"content": logprobs["content"][:1]}
            return Frame("text", chunk)
        call: dict[str, Any] = {"index": piece.call}
        if piece.is_name:
            call |= {"id": self.completion.answer.call_ids[piece.call], "type": "function"}
            call["function"] = {"name": piece.text, "arguments": ""}
        else:
            call["function"] = {"arguments": piece.text}
        return Frame("call", self.chunk({"tool_calls": [call]}))


def encode_frame(frame: Frame) -> bytes:
    """Return the bytes of an event."""
    if frame.kind == "comment":
        return f": {frame.data}\n\n".encode()
    data = frame.data if isinstance(frame.data, str) else json.dumps(frame.data, separators=(",", ":"))
    return f"data: {data}\n\n".encode()
