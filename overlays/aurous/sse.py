"""A decoder for server-sent events: bytes in, events out, however the bytes are split.

It follows WHATWG: https://html.spec.whatwg.org/multipage/server-sent-events.html, "parsing" and "interpreting an event
stream". Every line ending becomes LF on arrival, so that an event ends at LF LF and nowhere else. Only whole events are
decoded, so that no character is split.
"""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from typing import NamedTuple

DEFAULT_MAX_EVENT_SIZE = 64 * 1024 * 1024
"""In bytes. A legitimate event is a small part of an answer, or at most all arguments of a tool call."""

# 30 million years in milliseconds; int() is slow for long texts, and refuses very long ones.
_MAX_RETRY_DIGITS = 18
_LF = 0x0A


class EventTooLargeError(ValueError):
    """An event is larger than the decoder may take. The stream cannot be decoded any further."""

    def __init__(self, max_event_size: int) -> None:
        super().__init__(max_event_size)
        self.max_event_size = max_event_size
        """The limit, in bytes."""

    def __str__(self) -> str:
        return f"a server-sent event is larger than {self.max_event_size} bytes"


class ServerSentEvent(NamedTuple):
    """One event."""

    event: str = "message"
    """Its type; `message` by default."""
    data: str = ""
    """Its data lines, joined by LF. May be empty."""
    id: str = ""
    """The last id that the stream has set, in this event or an earlier one; empty if none."""
    retry: int | None = None
    """Milliseconds to wait before reconnecting, if this event sets them."""


# Faster than the class: no Python function call.
_new = tuple.__new__


class Decoder:
    """Decodes one stream. How its bytes are split affects when events are returned, and nothing else.

        decoder = Decoder()
        for chunk in chunks:
            for event in decoder.decode(chunk):
                ...
        decoder.flush()

    Invalid UTF-8 becomes U+FFFD. Time is linear in the size of the stream, memory in that of one event.

    Args:
        max_event_size: Bytes that an event may have between its blank lines, comments included; None for no limit.
    """

    def __init__(self, *, max_event_size: int | None = DEFAULT_MAX_EVENT_SIZE) -> None:
        self._limit = sys.maxsize if max_event_size is None else max_event_size
        self._too_large = False
        # The received part of a byte order mark; None once there can be none.
        self._bom: bytes | None = b""
        self._after_cr = False
        # The received part of an incomplete event.
        self._tail = bytearray()
        self._last_id = ""

    def decode(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete.

        Raises EventTooLargeError, once all events before the one too large have been returned.
        """
        if self._too_large:
            raise EventTooLargeError(self._limit)
        if self._bom is not None:
            data = self._without_bom(self._bom + data)
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if self._tail:
            data = self._with_tail(data)
        blocks, blank_line, tail = data.rpartition(b"\n\n")
        if tail:
            # Blank lines before an event are not part of it.
            self._tail += tail.lstrip(b"\n")
        if len(blocks) > self._limit or len(self._tail) > self._limit:
            blocks = self._within_limit(blocks)
        return self._interpret(blocks) if blank_line else []

    @property
    def is_between_events(self) -> bool:
        """Whether the next byte certainly begins an event."""
        return self._bom is None and not (self._tail or self._after_cr or self._too_large)

    @property
    def has_failed(self) -> bool:
        """Whether an event was too large; the next call raises EventTooLargeError."""
        return self._too_large

    def flush(self) -> list[ServerSentEvent]:
        """End the stream. An event without its blank line is dropped.

        Raises EventTooLargeError, if the last bytes had such an event after others.
        """
        self._tail.clear()
        return self.decode(b"")

    def _without_bom(self, data: bytes) -> bytes:
        if len(data) < len(BOM_UTF8) and BOM_UTF8.startswith(data):
            self._bom = data
            return b""
        self._bom = None
        return data.removeprefix(BOM_UTF8)

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._after_cr and data:
            # The CR was turned into an LF without waiting for the next byte.
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if data.endswith(b"\r"):
            self._after_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _with_tail(self, data: bytes) -> bytes:
        """The data after the received part of its event, if it completes one; otherwise nothing yet."""
        if b"\n\n" in data or (data.startswith(b"\n") and self._tail.endswith(b"\n")):
            data = bytes(self._tail) + data
            self._tail.clear()
            return data
        self._tail += data
        return b""

    def _within_limit(self, blocks: bytes) -> bytes:
        """The blocks before the first that is too large. Raises EventTooLargeError if there are none."""
        size = 0
        for block in (*blocks.split(b"\n\n"), bytes(self._tail)):
            # Either end may have half of a blank line.
            if len(block.strip(b"\n")) > self._limit:
                self._too_large = True
                self._tail.clear()
                blocks = blocks[:size]
                if not blocks:
                    raise EventTooLargeError(self._limit)
                break
            size += len(block) + len(b"\n\n")
        return blocks

    def _interpret(self, blocks: bytes) -> list[ServerSentEvent]:
        """The events of complete blocks, without the blank line of the last."""
        if blocks.startswith(b"data: "):
            # Nearly always each block is one data line.
            events, last_id = [], self._last_id
            for value in blocks[6:].split(b"\n\ndata: "):
                if _LF in value:
                    break
                events.append(_new(ServerSentEvent, ("message", value.decode("utf-8", "replace"), last_id, None)))
            else:
                return events
        return self._interpret_lines(blocks.split(b"\n"))

    def _interpret_lines(self, lines: list[bytes]) -> list[ServerSentEvent]:
        events = []
        kind, data, retry = "", list[bytes](), None
        for line in (*lines, b""):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if not line:
                if data:
                    events.append(ServerSentEvent(kind or "message", _decoded(b"\n".join(data)), self._last_id, retry))
                kind, data, retry = "", [], None
            elif name == b"data":
                data.append(value)
            elif name == b"event":
                kind = _decoded(value)
            elif name == b"id" and b"\0" not in value:
                self._last_id = _decoded(value)
            elif name == b"retry" and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                retry = int(value)
        return events


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace")
