"""The bytes that the benchmark server sends, prepared before the measurement.

A request selects a stream by the name of its model, which every client can send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
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
_STREAM_SPEC = re.compile(rb'"model":\s*"events-(\d+)-([a-z]+)(?:-every-(\d+)ms)?"')
_ANSWER: Final = "Regarding paper: what matters here explains the details that others skip." * 3

DONE: Final = b"data: [DONE]\n\n"
STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Aurous-Request-Id: req_01M80RQEQ2FQVM54VJVTC2WB6A\r\nAurous-Version: 2026-05-15\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


class StreamSpec(NamedTuple):
    """A stream: its number of events, the seconds between two of them, 0 for full speed, and what its chunks carry."""

    events: int
    pace: float
    kind: str = "text"
    """One of `KINDS`."""

    @property
    def model(self) -> str:
        """The model name that requests it."""
        return f"events-{self.events}-{self.kind}" + (f"-every-{self.pace * 1000:.0f}ms" if self.pace else "")

    @property
    def characters(self) -> int:
        """The length of its text, by which a case checks that it has read everything."""
        if self.kind == "tools":
            return 0
        return sum(len(_WORDS[index % len(_WORDS)]) for index in range(self.events - 2))


def parse_stream_spec(body: bytes) -> StreamSpec | None:
    """The stream that a request selects; None if it asks for a completion."""
    match = _STREAM_SPEC.search(body)
    return StreamSpec(int(match[1]), int(match[3] or 0) / 1000, match[2].decode()) if match else None


def prepare() -> None:
    """Build the events that all streams share."""
    for kind in KINDS:
        _middle(kind)


def stream(events: int, kind: str = "text") -> Iterator[bytes]:
    """A streamed response, one piece for each event, each one HTTP chunk."""
    # No Python code per event, so that the server is never the bottleneck.
    return chain(
        (STREAM_HEAD + _FIRST,), islice(cycle(_middle(kind)), events - 2), (_LAST + chunked(DONE) + chunked(b""),)
    )


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


def large_completion(kind: str) -> bytes:
    """A completion of about a megabyte, as its JSON: 20 tool calls, or 4,000 log probabilities."""
    message: dict[str, Any] = {"role": "assistant", "content": _ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    if kind == "tools":
        arguments = json.dumps({"rows": ["".join(_WORDS[:100])] * 80})
        function = {"name": "insert_rows", "arguments": arguments}
        message["tool_calls"] = [
            {"id": f"call_{number}", "type": "function", "function": function} for number in range(20)
        ]
    else:
        choice["logprobs"] = {"content": [_logprob(_WORDS[number % len(_WORDS)]) for number in range(4000)]}
    return json.dumps(
        {
            "id": "cmp_01M80RQEPCVPN39CA97AHD8GKM",
            "object": "chat.completion",
            "created": 1795322264,
            "model": _MODEL,
            "choices": [choice],
            "usage": _USAGE,
            "status": "completed",
        }
    ).encode()


def _logprob(word: str) -> dict[str, Any]:
    entry = {"token": word, "logprob": -0.31725, "bytes": [*word.encode()]}
    other = {"token": " other", "logprob": -1.90812, "bytes": [*b" other"]}
    return {**entry, "top_logprobs": [entry, other]}


def _event(delta: dict[str, Any], **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    if "logprobs" in more:
        choice["logprobs"] = more.pop("logprobs")
    frame = {
        "id": "cmp_01M80RQEQ23V6FC8JNREZV48QG",
        "object": "chat.completion.chunk",
        "created": 1795322264,
        "model": _MODEL,
        "choices": [choice],
        **more,
    }
    return chunked(b"data: " + json.dumps(frame, separators=(",", ":")).encode() + b"\n\n")


def _tools(word: str, _: int) -> bytes:
    return _event({"tool_calls": [{"index": 0, "function": {"arguments": word}}]})


def _logprobs(word: str, _: int) -> bytes:
    return _event({"content": word}, logprobs={"content": [_logprob(word)]})


def _padded(word: str, number: int) -> bytes:
    return _event({"content": word}, obfuscation=f"{number * 7919:012x}"[: 12 - len(word)])


def _metered(word: str, number: int) -> bytes:
    return _event({"content": word}, usage={**_USAGE, "completion_tokens": number, "total_tokens": number + 12})


KINDS: Final[Mapping[str, Callable[[str, int], bytes]]] = {
    "text": lambda word, _: _event({"content": word}),
    "tools": _tools,
    "logprobs": _logprobs,
    "padded": _padded,
    "metered": _metered,
}
"""What the chunks of a stream carry: text, arguments of a call, text with two alternatives for each token, text with a
member that differs in each frame, as OpenAI sends, and text with the usage so far.
"""


@cache
def _middle(kind: str) -> tuple[bytes, ...]:
    return tuple(KINDS[kind](word, number) for number, word in enumerate(_WORDS))


_FIRST: Final = _event({"role": "assistant", "content": ""})
_LAST: Final = _event({}, finish_reason="stop", usage=_USAGE)
