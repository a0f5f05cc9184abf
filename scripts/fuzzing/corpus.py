"""Valid responses, the starting points of mutations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from testkit import streams
from testkit.responses import MODEL
from testkit.streams import HEAD, chunk

# Texts that JSON can write in several ways, or that look like the syntax around them.
TEXTS: Final = (
    "Red", ", green", "", " ", "\n", "\r\n", '"', "\\", "\\u0041", "\u00e9", "\u2028", "\u0085", "\U0001f3a8", "\ufffd",
    "\x7f", "\0", "[DONE]", '"content":"x"', "data: ", "\n\ndata: ", '"}}]}', "a" * 300, "\ufeff", "\u202e", "\ud83c",
)  # fmt: skip
USAGE: Final[dict[str, Any]] = {**streams.USAGE, "reasoning_tokens": 0}
_CALL: Final[dict[str, Any]] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
}
_LOGPROBS: Final[dict[str, Any]] = {
    "content": [{"token": "Red", "logprob": -0.5, "bytes": [82], "top_logprobs": [{"token": "Red", "logprob": -0.5}]}]
}
COMPLETION: Final[dict[str, Any]] = {
    **HEAD,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Red, green", "tool_calls": [_CALL]},
            "finish_reason": "stop",
            "logprobs": _LOGPROBS,
        }
    ],
    "usage": USAGE,
    "status": "completed",
    "error": None,
}
ERROR: Final[dict[str, Any]] = {
    "error": {
        "type": "invalid_request",
        "code": "invalid_format",
        "message": "The request is not valid.",
        "param": None,
        "doc_url": "https://docs.aurous-labs.com/errors#invalid_format",
        "request_id": "req_1",
    }
}
MODELS: Final[dict[str, Any]] = {
    "object": "list",
    "data": [
        {
            "id": MODEL,
            "object": "model",
            "created": 1731948000,
            "owned_by": "aurous",
            "kind": "chat",
            "aurous_metadata": {
                "context_window": 256000,
                "capabilities": ["tools"],
                "max_output_tokens_hard_cap": 8192,
            },
        }
    ],
}
BALANCE: Final[dict[str, Any]] = {"credits": 100.5, "held_credits": 0.5, "available_credits": 100.0}
WARNING: Final[dict[str, Any]] = {
    **HEAD,
    "choices": [],
    "warning": {"code": "idempotency_ignored_streaming", "message": "It is ignored."},
}
DONE: Final = "[DONE]"


# What the chunks of a stream can carry a text as: each differs from the next in one or two strings.
CHUNKS: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "text": lambda text: chunk({"content": text}),
    "padded text": lambda text: chunk({"content": text}, obfuscation=text[::-1]),
    "arguments": lambda text: chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}),
    "reasoning": lambda text: chunk({"content": None, "reasoning_content": text}),
}


def stream(texts: list[str], *, kind: str = "text", calls: bool = False) -> list[Any]:
    """The chunks of a complete stream: role, one for each text, the last with usage. kind: one of `CHUNKS`"""
    frames: list[Any] = [chunk({"role": "assistant", "content": ""}), *map(CHUNKS[kind], texts)]
    if calls:
        frames.append(chunk({"tool_calls": [{"index": 0, **_CALL}]}))
    return [*frames, chunk({}, "tool_calls" if calls else "stop", usage=USAGE), DONE]
