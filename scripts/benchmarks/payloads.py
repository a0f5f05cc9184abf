"""Owns the bytes that the server sends, made before anything is measured, and how they are asked for. Knows no sockets.

A request says in the name of its model what it wants, because every client can send that.
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
# Many, so that nothing is gained by remembering whole events; a model's pieces are as long, and as various.
_WORDS: Final = tuple(f" {first}{second}{third}" for third in _ENDINGS for second in _ENDINGS for first in _BEGINNINGS)
_USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 12,
    "completion_tokens": 40,
    "total_tokens": 52,
    "credits_charged": 0.0189,
    "breakdown": {"input_credits": 0.0009, "output_credits": 0.018, "model": _MODEL, "pricing_version": 1},
}
_ORDER = re.compile(rb'"model":\s*"events-(\d+)(?:-every-(\d+)ms)?"')
_ANSWER: Final = "Regarding paper: what matters here explains the details that others skip." * 3

DONE: Final = b"data: [DONE]\n\n"
STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Aurous-Request-Id: req_01M80RQEQ2FQVM54VJVTC2WB6A\r\nAurous-Version: 2026-05-15\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


class Order(NamedTuple):
    """A stream that is wanted: how many events, and the seconds between two of them; 0 is as fast as it goes."""

    events: int
    pace: float

    @property
    def model(self) -> str:
        """How a request asks for it."""
        return f"events-{self.events}" + (f"-every-{self.pace * 1000:.0f}ms" if self.pace else "")

    @property
    def characters(self) -> int:
        """How much text it has, by which a case proves that it has read all."""
        return sum(len(_WORDS[index % len(_WORDS)]) for index in range(self.events - 2))


def read_order(body: bytes) -> Order | None:
    """The stream that a request asks for; None if it asks for an answer in one piece."""
    found = _ORDER.search(body)
    return Order(int(found[1]), int(found[2] or 0) / 1000) if found else None


def prepare() -> None:
    """Make what all streams share, before the first is wanted."""
    _middle()


def stream(events: int) -> Iterator[bytes]:
    """A response, in as many pieces as it has events, each an HTTP chunk: what one write sends."""
    # Without a line of Python for each: whoever sends them is not to be waited for.
    return chain((STREAM_HEAD + _FIRST,), islice(cycle(_middle()), events - 2), (_LAST + chunked(DONE) + chunked(b""),))


def completion() -> bytes:
    """A response in one piece."""
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
    """How much text an answer in one piece has."""
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
    return tuple(_event({"content": word}) for word in _WORDS)


_FIRST: Final = _event({"role": "assistant", "content": ""})
_LAST: Final = _event({}, finish_reason="stop", usage=_USAGE)
