"""The bytes that the benchmark server sends, prepared before the measurement.

A request selects a stream by the name of its model, which every client can send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain, cycle, islice
from typing import Any, Final, NamedTuple

KEY: Final = "al_live_" + "0" * 64
PATH: Final = "/v1/chat/completions"
MESSAGES: Final[list[dict[str, Any]]] = [{"role": "user", "content": "Name three uses of a paper clip."}]

_MODEL: Final = "aurous-grow-2.0-pro"
_BEGINNINGS: Final = tuple("bcdfghklmnprstvw")
_ENDINGS: Final = ("an", "er", "id", "on", "ul", "o", "ets", "ings", "ost", "air")
# Many different words, so that caching whole events gains nothing; as long and varied as tokens of a model.
_WORDS: Final = tuple(f" {first}{second}{third}" for third in _ENDINGS for second in _ENDINGS for first in _BEGINNINGS)
_USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 12,
    "completion_tokens": 40,
    "total_tokens": 52,
    "credits_charged": 0.0189,
    "breakdown": {"input_credits": 0.0009, "output_credits": 0.018, "model": _MODEL, "pricing_version": 1},
}
_STREAM_SPEC = re.compile(rb'"model":\s*"events-(\d+)(?:-every-(\d+)ms)?"')
_ANSWER: Final = "Regarding paper: what matters here explains the details that others skip." * 3

DONE: Final = b"data: [DONE]\n\n"
STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Aurous-Request-Id: req_01M80RQEQ2FQVM54VJVTC2WB6A\r\nAurous-Version: 2026-05-15\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


class StreamSpec(NamedTuple):
    """A stream: its number of events, and the seconds between two of them; 0 for full speed."""

    events: int
    pace: float

    @property
    def model(self) -> str:
        """The model name that requests it."""
        return f"events-{self.events}" + (f"-every-{self.pace * 1000:.0f}ms" if self.pace else "")

    @property
    def characters(self) -> int:
        """The length of its text, by which a case checks that it has read everything."""
        return sum(len(_WORDS[index % len(_WORDS)]) for index in range(self.events - 2))


def parse_stream_spec(body: bytes) -> StreamSpec | None:
    """The stream that a request selects; None if it asks for a completion."""
    found = _STREAM_SPEC.search(body)
    return StreamSpec(int(found[1]), int(found[2] or 0) / 1000) if found else None


def prepare() -> None:
    """Build the events that all streams share."""
    _middle()


def stream(events: int) -> Iterator[bytes]:
    """A streamed response, one piece for each event, each one HTTP chunk."""
    # No Python code per event, so that the server is never the bottleneck.
    return chain((STREAM_HEAD + _FIRST,), islice(cycle(_middle()), events - 2), (_LAST + chunked(DONE) + chunked(b""),))


def completion() -> bytes:
    """The response of a call."""
    content = json.dumps(
        {
            "id": "cmp_01M80RQEPCVPN39CA97AHD8GKM",
            "object": "chat.completion",
            "created": 1795322264,
            "model": _MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": _ANSWER},
                    "finish_reason": "stop",
                    "logprobs": None,
                }
            ],
            "usage": _USAGE,
            "status": "completed",
        },
        separators=(",", ":"),
    ).encode()
    return plain(content)


def plain(content: bytes) -> bytes:
    """A JSON response."""
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAurous-Request-Id: req_01M80RQEPC9TAY8AT2WGVD7GZV\r\n"
        f"Aurous-Version: 2026-05-15\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def chunked(content: bytes) -> bytes:
    """One HTTP chunk; the empty one is the last."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def answer_length() -> int:
    """The length of the text of a call."""
    return len(_ANSWER)


def _event(delta: dict[str, Any], **more: Any) -> bytes:
    frame = {
        "id": "cmp_01M80RQEQ23V6FC8JNREZV48QG",
        "object": "chat.completion.chunk",
        "created": 1795322264,
        "model": _MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}],
        **more,
    }
    return chunked(b"data: " + json.dumps(frame, separators=(",", ":")).encode() + b"\n\n")


@cache
def _middle() -> tuple[bytes, ...]:
    return tuple(_event({"content": status}) for status in _WORDS)


_FIRST: Final = _event({"role": "assistant", "content": ""})
_LAST: Final = _event({}, finish_reason="stop", usage=_USAGE)
