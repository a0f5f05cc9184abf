"""Server-sent events: bytes in, events out, as WHATWG has it, wherever the bytes are cut. Knows no JSON and no HTTP.

The grammar is https://html.spec.whatwg.org/multipage/server-sent-events.html, "parsing" and "interpreting an event
stream". Two things keep it short and quick. Every line ending becomes LF as it arrives, so that an event ends at LF LF
and nowhere else, and at once. And only whole events are decoded, so that no character is ever seen in halves.
"""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from typing import NamedTuple

DEFAULT_MAX_EVENT_SIZE = 64 * 1024 * 1024
"""In bytes. An honest event is a piece of an answer, or at most all the arguments of a call."""

# As milliseconds these are 30 million years; int() is slow on long texts, and refuses very long ones.
_MAX_RETRY_DIGITS = 18


class EventTooLargeError(ValueError):
    """An event is larger than the decoder may take. The stream cannot be decoded any further."""

    def __init__(self, max_event_size: int) -> None:
        super().__init__(max_event_size)
        self.max_event_size = max_event_size
        """The limit, in bytes."""

    def __str__(self) -> str:
        return f"a server-sent event is larger than {self.max_event_size} bytes"


class ServerSentEvent(NamedTuple):
    """One event, as it was dispatched."""

    event: str = "message"
    """Its type; `message` where the stream names none."""
    data: str = ""
    """Its data lines, joined by LF. An event whose data is empty is an event all the same."""
    id: str = ""
    """The last id that the stream has set, be it in this event or before; empty if it has set none."""
    retry: int | None = None
    """Milliseconds to wait before reconnecting, if this event sets them."""


class Decoder:
    """Decodes one stream. How it is cut into pieces decides when an event comes out, and nothing else.

        decoder = Decoder()
        for piece in pieces:
            for event in decoder.decode(piece):
                ...
        decoder.flush()

    Bytes that are no UTF-8 become U+FFFD. Time is linear in the size of the stream, memory in that of one event.

    Args:
        max_event_size: Bytes that an event may have between its blank lines, comments included; None for any number.
    """

    def __init__(self, *, max_event_size: int | None = DEFAULT_MAX_EVENT_SIZE) -> None:
        self._limit = sys.maxsize if max_event_size is None else max_event_size
        self._too_large = False
        # What has come of a byte order mark; None once there can be none.
        self._bom: bytes | None = b""
        self._after_cr = False
        # What has come of an event whose blank line has not.
        self._tail = bytearray()
        self._last_id = ""

    def decode(self, data: bytes) -> list[ServerSentEvent]:
        """The events that this piece completes.

        Raises EventTooLargeError, once all events before the one at fault have been returned.
        """
        events = [] if self._too_large else self._advance(data)
        if self._too_large and not events:
            raise EventTooLargeError(self._limit)
        return events

    def flush(self) -> list[ServerSentEvent]:
        """Ends the stream. An event without its blank line is dropped, so there is never one left to return.

        Raises EventTooLargeError, if the last piece held such an event behind others.
        """
        self._tail.clear()
        return self.decode(b"")

    def _advance(self, data: bytes) -> list[ServerSentEvent]:
        if self._bom is not None:
            data = self._without_bom(self._bom + data)
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if self._tail:
            if not (b"\n\n" in data or (data.startswith(b"\n") and self._tail.endswith(b"\n"))):
                self._keep(data)
                return []
            data = bytes(self._tail) + data
            self._tail.clear()
        blocks, blank_line, tail = data.rpartition(b"\n\n")
        # A blank line in front of an event is no part of it.
        self._keep(tail.lstrip(b"\n"))
        if len(blocks) > self._limit:
            blocks = self._within_limit(blocks)
        return self._interpret(blocks) if blank_line else []

    def _without_bom(self, data: bytes) -> bytes:
        if len(data) < len(BOM_UTF8) and BOM_UTF8.startswith(data):
            self._bom = data
            return b""
        self._bom = None
        return data.removeprefix(BOM_UTF8)

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._after_cr and data:
            # That CR was made an LF without waiting for what follows it.
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if data.endswith(b"\r"):
            self._after_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, tail: bytes) -> None:
        self._tail += tail
        # Its last LF may yet turn out to be half of the blank line.
        if len(self._tail) > self._limit + 1:
            self._too_large = True
            self._tail.clear()

    def _within_limit(self, blocks: bytes) -> bytes:
        """The blocks, or those in front of the first that is too large."""
        end = 0
        for block in blocks.split(b"\n\n"):
            if len(block.strip(b"\n")) > self._limit:
                self._too_large = True
                return blocks[:end]
            end += len(block) + len(b"\n\n")
        return blocks

    def _interpret(self, blocks: bytes) -> list[ServerSentEvent]:
        """The events of blocks that are complete, given without the blank line of the last."""
        # Nearly always each is one data line, and then there is nothing to do but to cut.
        if blocks.startswith(b"data: "):
            values = blocks[len(b"data: ") :].split(b"\n\ndata: ")
            if blocks.count(b"\n") == 2 * (len(values) - 1):
                return [_event("message", value, self._last_id, None) for value in values]
        events = []
        kind, lines, retry = b"", [], None
        for line in (*blocks.split(b"\n"), b""):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if not line:
                if lines:
                    events.append(_event(_text(kind) or "message", b"\n".join(lines), self._last_id, retry))
                kind, lines, retry = b"", [], None
            elif name == b"data":
                lines.append(value)
            elif name == b"event":
                kind = value
            elif name == b"id" and b"\0" not in value:
                self._last_id = _text(value)
            elif name == b"retry" and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                retry = int(value)
        return events


def _event(kind: str, data: bytes, last_id: str, retry: int | None) -> ServerSentEvent:
    # The class's own constructor does just this, at twice the price.
    return tuple.__new__(ServerSentEvent, (kind, data.decode("utf-8", "replace"), last_id, retry))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
