"""Parses the body of a stream of typed events: server-sent events, or JSON lines. Bytes in, events out."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from typing import Any, Final, Generic

from aurous_client.errors import ParseError
from aurous_client.operations import EventFormat, EventT

from .._json import INVALID_JSON, decode
from .._request.error_mapping import error_in_event, invalid_event, is_error
from ..errors import APIResponseValidationError
from ..sse import Decoder, EventTooLargeError, ServerSentEvent
from ..transport.effects import EVENT_STREAM
from ..types import ResponseInfo

_PINGS: Final = frozenset({"ping", "keepalive", "keep-alive"})


class Nothing:
    """The type of `NOTHING`."""


NOTHING: Final = Nothing()
"""Returned where there is no event; None can be one."""


class LineDecoder:
    """Decodes JSON lines, with the interface of `sse.Decoder`."""

    def __init__(self, *, max_event_size: int | None) -> None:
        self._limit = sys.maxsize if max_event_size is None else max_event_size
        self._tail = bytearray()
        self.has_failed = False
        """Whether a line was too large, which ends the stream."""

    def decode(self, data: bytes) -> list[ServerSentEvent]:
        whole, line_feed, tail = data.rpartition(b"\n")
        lines: list[bytes] = []
        if line_feed:
            lines = (bytes(self._tail) + whole).split(b"\n")
            self._tail.clear()
        self._tail += tail
        self.has_failed = any(len(line) > self._limit for line in (*lines, self._tail))
        fitting = takewhile(lambda line: len(line) <= self._limit, lines)
        return [ServerSentEvent(data=line.decode("utf-8", "replace")) for line in fitting]


class EventParser(Generic[EventT]):
    """Parses one stream: `receive_data` and `finish` take what was read, `next_event` parses what is in it.

    redact: removes the key from what a server repeats of it
    """

    def __init__(
        self,
        events: EventFormat[EventT],
        info: ResponseInfo,
        *,
        max_event_size: int | None,
        redact: Callable[[bytes], bytes],
    ) -> None:
        self._format = events
        self._info = info
        self._redact = redact
        self._is_sse = events.media_type == EVENT_STREAM
        make_decoder: type[Decoder | LineDecoder] = Decoder if self._is_sse else LineDecoder
        self._decoder = make_decoder(max_event_size=max_event_size)
        self._decoded: deque[ServerSentEvent] = deque()
        self._max_event_size = max_event_size
        self._is_too_large = False
        self.is_done = False
        """Whether the last event was received."""
        self.count = 0
        """The events that were parsed."""
        self.data = b""
        """That of the last event, as received: its decimals are exact."""

    def receive_data(self, piece: bytes) -> None:
        """Take in what was read. Call it when `next_event` has returned NOTHING."""
        if self._is_too_large:
            return
        with suppress(EventTooLargeError):
            self._decoded.extend(filter(_is_meant, self._decoder.decode(piece)))
        self._is_too_large = self._decoder.has_failed

    def finish(self) -> bool:
        """The body has ended. Takes in an event that lacks only its line ends; False if it broke off within one."""
        before = len(self._decoded)
        self.receive_data(b"\n\n" if self._is_sse else b"\n")
        if len(self._decoded) == before or self._format.format == "text":
            return True
        if decode(self._decoded[-1].data.encode("utf-8", "replace")) is not INVALID_JSON:
            return True
        last = self._decoded[-1].data.strip()
        if last == self._format.terminator:
            return True
        self._decoded.pop()
        return False

    def next_event(self) -> EventT | Nothing:
        """The next event of what was received. Raises AurousError for one that is an error, or invalid."""
        while self._decoded and not self.is_done:
            decoded = self._decoded.popleft()
            if self._format.terminator is not None and decoded.data.strip() == self._format.terminator:
                self.is_done = True
                self._decoded.clear()
                break
            event = self._parse(decoded)
            self.count += 1
            return event
        if self._is_too_large and not self.is_done:
            raise self._invalid(f"an event is larger than {self._max_event_size} bytes", "")
        return NOTHING

    def _parse(self, decoded: ServerSentEvent) -> EventT:
        content = decoded.data.encode("utf-8", "replace")
        document: Any = decoded.data
        if self._format.format == "json":
            document = decode(content)
        if decoded.event == "error":
            raise error_in_event(None if document is INVALID_JSON else document, self._redact(content), self._info)
        if document is INVALID_JSON:
            raise self._invalid("expected JSON in each event", decoded.data)
        try:
            event = self._format.parse(document)
        except ParseError as error:
            if isinstance(document, dict) and is_error(document):
                raise error_in_event(document, self._redact(content), self._info) from None
            raise self._invalid(str(error), decoded.data, error) from None
        # A schema without required members accepts an error as well, which shows only as an unknown member `error`.
        unknown = getattr(event, "additional_properties", None)
        if isinstance(unknown, dict) and unknown.get("error") and is_error(unknown):
            raise error_in_event(document, self._redact(content), self._info)
        self.data = content
        return event

    def _invalid(self, message: str, data: str, cause: ParseError | None = None) -> APIResponseValidationError:
        return invalid_event(message, self._redact(data.encode("utf-8", "replace")), self._info, cause)


def _is_meant(decoded: ServerSentEvent) -> bool:
    """Whether an event is more than a keep-alive: it has data, or is an error that has none."""
    return decoded.event == "error" or (bool(decoded.data.strip()) and decoded.event not in _PINGS)
