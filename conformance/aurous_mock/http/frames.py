"""Encodes a completion in progress as the frames of an event stream."""

from typing import Any

import orjson

from aurous_mock.billing import pricing
from aurous_mock.completions.draft import Draft
from aurous_mock.generation.answer import Delta

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def frame(payload: Any) -> bytes:
    """One event with a JSON payload."""
    return b"data: " + orjson.dumps(payload) + b"\n\n"


class FrameWriter:
    """Encodes the frames of one stream, with the same id, created and model in all of them."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._constant = {
            "id": draft.id,
            "object": "chat.completion.chunk",
            "created": draft.created,
            "model": draft.request.model.id,
        }

    def warning(self) -> bytes:
        """The first frame of a stream whose request had an idempotency key."""
        warning = {
            "code": "idempotency_ignored_streaming",
            "message": "Idempotency-Key is ignored when stream is true; sending this request again makes, and "
            "charges, another completion.",
        }
        return frame({**self._constant, "choices": [], "warning": warning})

    def role(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def delta(self, delta: Delta) -> bytes:
        """The frame that delivers `delta`."""
        if delta.call is None:
            return self._chunk({"content": delta.text}, delta)
        call: dict[str, Any] = {"index": delta.call}
        if delta.opens is not None:
            call |= {"id": delta.opens.id, "type": "function"}
            call["function"] = {"name": delta.opens.name, "arguments": delta.text}
        else:
            call["function"] = {"arguments": delta.text}
        return self._chunk({"tool_calls": [call]})

    def final(self, status: str) -> bytes:
        """The last chunk: the finish reason and, unless the request declined it, the usage."""
        choice = {"index": 0, "delta": {}, "finish_reason": self._draft.finish_reason(status)}
        payload: dict[str, Any] = {**self._constant, "choices": [choice]}
        if self._draft.request.include_usage:
            payload["usage"] = pricing.receipt(self._draft.usage, self._draft.request.model)
        return frame(payload)

    def _chunk(self, delta: dict[str, Any], source: Delta | None = None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": None}
        is_asked = self._draft.request.alternatives is not None
        # Null where the engine has none: an empty list would say that the text has no tokens.
        if source is not None and is_asked and (source.logprobs or not source.text):
            choice["logprobs"] = {"content": source.logprobs, "refusal": None}
        return frame({**self._constant, "choices": [choice]})
