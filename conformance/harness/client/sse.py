"""A parser of server-sent events, as the WHATWG standard defines them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Event:
    """One dispatched event. `data` has its lines joined; `name` is the event's type."""

    data: str
    name: str = "message"

    @cached_property
    def value(self) -> Any:
        """The data as JSON, decoded once; ValueError or RecursionError if it is none."""
        return json.loads(self.data)


@dataclass
class EventParser:
    """Turns bytes into events, however they were cut. Lines that the grammar does not allow go to `invalid_lines`."""

    comments: list[str] = field(default_factory=list)
    invalid_lines: list[str] = field(default_factory=list)
    _partial_line: str = ""
    _undecoded: bytes = b""
    _data: list[str] = field(default_factory=list)
    _name: str = ""
    _started: bool = False
    _after_cr: bool = False

    def feed(self, chunk: bytes) -> list[Event]:
        self._undecoded += chunk
        text, self._undecoded = _whole_characters(self._undecoded)
        if not self._started and text:
            text = text.removeprefix("\ufeff")
            self._started = True
        if self._after_cr and text:
            # The \r of this line end was in the chunk before, and has ended the line already.
            text = text.removeprefix("\n")
            self._after_cr = False
        self._after_cr = self._after_cr or text.endswith("\r")
        *lines, self._partial_line = (self._partial_line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return [event for line in lines if (event := self._parse_line(line)) is not None]

    @property
    def unfinished(self) -> str:
        """The bytes after the last complete event; empty on a stream that ended properly."""
        pending = [*self._data, self._partial_line + self._undecoded.decode("utf-8", errors="replace")]
        return "\n".join(pending).strip()

    def _parse_line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments.append(line[1:].strip())
            return None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name not in ("id", "retry"):
            self.invalid_lines.append(line)
        return None

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        return Event("\n".join(data), name or "message") if data else None


def _whole_characters(raw: bytes) -> tuple[str, bytes]:
    """Decode all but a character whose last bytes have not arrived; bad bytes become U+FFFD, as in browsers."""
    for incomplete in range(min(3, len(raw)) + 1):
        head = raw[: len(raw) - incomplete]
        try:
            return head.decode(), raw[len(raw) - incomplete :]
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                break
    return raw.decode("utf-8", errors="replace"), b""
