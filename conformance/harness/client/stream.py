"""A streamed completion, while it is read and afterwards: its chunks, text, receipt and end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from harness.client.exchange import Exchange, request_body
from harness.client.sse import Event, EventParser
from harness.violations import RuleViolation

DONE = "[DONE]"
MAX_BODY_BYTES = 16 * 2**20


@dataclass
class Transcript:
    """The content of a stream, in order."""

    exchange: Exchange
    events: list[Event] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    invalid_lines: list[str] = field(default_factory=list)
    unfinished: str = ""
    ended: bool = False

    @classmethod
    def of(cls, exchange: Exchange) -> Transcript:
        """The transcript of a stream whose bytes are all in the exchange."""
        parser = EventParser()
        events = parser.feed(exchange.body) if exchange.media_type == "text/event-stream" else []
        return cls(exchange, events, parser.comments, parser.invalid_lines, parser.unfinished, exchange.complete)

    @property
    def request(self) -> dict[str, Any]:
        """The body that was sent, empty if it was no JSON object."""
        return request_body(self.exchange)

    @property
    def sent_key(self) -> bool:
        return any(name.lower() == "idempotency-key" for name in self.exchange.sent_headers)

    @property
    def suppresses_usage(self) -> bool:
        options = self.request.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is False

    @property
    def is_cancelled(self) -> bool:
        return self.exchange.cancelled or "cancelled" in self.finish_reasons

    @property
    def errors(self) -> list[Any]:
        """The errors that the stream carries in its frames."""
        return [frame["error"] for frame in self.frames if frame.get("error") is not None]

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The decoded data of every event but [DONE]."""
        return [self._decoded(event) for event in self.events if event.data != DONE]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The frames that are chunks of the completion: neither a warning of its own nor an error."""
        return [frame for frame in self.frames if "error" not in frame and not is_bare_warning(frame)]

    @property
    def id(self) -> str:
        ids = [frame["id"] for frame in self.chunks if isinstance(frame.get("id"), str)]
        if not ids and self.exchange.media_type != "text/event-stream":
            raise RuleViolation(
                f"a stream was asked for, and the response is {self.exchange.media_type}", self.exchange
            )
        if not ids:
            raise RuleViolation("no chunk of the stream carries an id", self.exchange)
        return str(ids[0])

    @property
    def choices(self) -> list[dict[str, Any]]:
        return [choice for chunk in self.chunks for choice in chunk.get("choices") or []]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [choice.get("delta") or {} for choice in self.choices]

    @property
    def content(self) -> str:
        return "".join(delta["content"] for delta in self.deltas if delta.get("content"))

    @property
    def finish_reasons(self) -> list[str]:
        return [choice["finish_reason"] for choice in self.choices if choice.get("finish_reason") is not None]

    @property
    def usages(self) -> list[dict[str, Any]]:
        return [chunk["usage"] for chunk in self.chunks if chunk.get("usage") is not None]

    @property
    def usage(self) -> dict[str, Any] | None:
        try:
            return self.usages[-1] if self.usages else None
        except RuleViolation:
            return None

    @property
    def warnings(self) -> list[Any]:
        return [frame["warning"] for frame in self.frames if frame.get("warning") is not None]

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls of functions, their pieces joined by index."""
        calls: dict[int, dict[str, Any]] = {}
        for delta in self.deltas:
            for piece in delta.get("tool_calls") or []:
                call = calls.setdefault(piece["index"], {"function": {"name": "", "arguments": ""}})
                call.update({key: piece[key] for key in ("id", "type") if piece.get(key)})
                # Undocumented members may be of any type.
                for key in ("name", "arguments"):
                    call["function"][key] += (piece.get("function") or {}).get(key) or ""
        return [calls[index] for index in sorted(calls)]

    @property
    def done(self) -> bool:
        return any(event.data == DONE for event in self.events)

    def _decoded(self, event: Event) -> dict[str, Any]:
        try:
            frame = self.exchange.canonical(event.value)
        except (ValueError, RecursionError):
            raise RuleViolation(f"an event's data is not JSON: {event.data[:200]}", self.exchange) from None
        if not isinstance(frame, dict):
            raise RuleViolation(f"an event's data is not a JSON object: {event.data[:200]}", self.exchange)
        return frame


class OpenStream:
    """A stream that is still being read; closing it disconnects."""

    def __init__(self, exchange: Exchange, response: httpx.Response) -> None:
        self.exchange = exchange
        self.transcript = Transcript(exchange)
        self._response = response
        self._reader = EventParser()
        # The body of an error has been read with its head.
        self._chunks = iter(()) if response.is_stream_consumed else response.iter_bytes()
        self._started = time.monotonic()
        self._received = 0

    def read_until(self, enough: Callable[[Transcript], bool]) -> Transcript:
        """Read until the transcript satisfies `enough`, or the stream ends."""
        while not self.transcript.ended and not enough(self.transcript):
            self._step()
        return self.transcript

    def drain(self) -> Transcript:
        """Read to the end."""
        return self.read_until(lambda _: False)

    def close(self) -> None:
        self._response.close()
        self.exchange.seconds = time.monotonic() - self._started

    def _step(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            self.transcript.ended = self.exchange.complete = True
            self.transcript.unfinished = self._reader.unfinished
            self.exchange.seconds = time.monotonic() - self._started
            return
        self._received += len(chunk)
        if self._received > MAX_BODY_BYTES:
            raise RuleViolation(f"the stream is longer than {MAX_BODY_BYTES // 2**20} MiB", self.exchange)
        self.exchange.body += chunk
        if self.exchange.media_type == "text/event-stream":
            self.transcript.events += self._reader.feed(chunk)
            self.transcript.comments = self._reader.comments
            self.transcript.invalid_lines = self._reader.invalid_lines


def is_bare_warning(frame: dict[str, Any]) -> bool:
    """Whether a frame is only a warning, which may also be in an ordinary chunk."""
    return frame.get("warning") is not None and not frame.get("choices")


def has_output(transcript: Transcript) -> bool:
    """Whether any part of the message itself has arrived."""
    return bool(transcript.content or transcript.tool_calls)
