"""What comes of one stream: chunks out of pieces, each within its time. Waits for nothing itself; knows no moves."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Final

from aurous_client.models import ChatCompletionChunk

from .._request.effects import Failure
from .._request.response_info import caller_level
from ..errors import AurousError, StreamInterruptedError
from .billing import Account
from .parser import Reader, StreamNotice
from .timeouts import Clocks

DRAIN: Final = 0.25
"""Seconds to wait for the last bytes after the end, which make the connection usable again."""


class Intake:
    """Hands out the chunks of what has come.

    Whoever wants the next chunk asks `next`, if it `has_more`. Where that has none, reads for as long as `reads_on`
    says, waiting no longer than `patience`, and has `take` look at it; where that is None, the flow sees why.
    """

    def __init__(self) -> None:
        self._is_open = False
        # How many of the events that the reader met were there at the last look, and when the clock was started. Less
        # than none at first: one read is made, however late it is.
        self._met = -1
        self._events = 0
        # How much of what was parsed was dealt with.
        self._parsed = 0
        self._warnings = 0
        # Whether all that a caller can want has come.
        self._has_all = False
        self.reader: Reader | None = None
        """None before the stream is open."""
        self.stopped_by: object = None
        """Why nothing more is taken: an error that a frame was, or how the body ended."""
        self.has_more = False
        """Whether `next` may have a chunk."""
        self._beyond: ChatCompletionChunk | None = None

    def begin(self, reader: Reader, clocks: Clocks, account: Account) -> None:
        """The stream is open."""
        self.reader, self._clocks, self._account = reader, clocks, account
        self._is_open = True

    def end(self) -> None:
        """No more is taken."""
        self._is_open = False

    def next(self) -> ChatCompletionChunk | None:
        """The next chunk of what has come, if there is one."""
        reader = self.reader
        if reader is None or not self._is_open:
            chunk, self._beyond = self._beyond, None
            self.has_more = False
            return chunk
        try:
            chunk = reader.next()
        except AurousError as error:
            self._stop(error)
            return None
        self.has_more = chunk is not None
        if reader.parsed > self._parsed:
            self._note(reader)
        return chunk

    def reads_on(self) -> bool:
        """Whether there is to be another read; if not, it is time for a turn."""
        reader = self.reader
        if reader is None or not self._is_open or reader.is_done:
            return False
        if reader.events > self._met:
            self._met = reader.events
            return not self._clocks.is_over
        # The last piece brought no event. From now on the clock runs, whether or not there is something to wait for.
        if reader.events > self._events:
            self._restart(reader)
        return not self._clocks.has_lapsed

    def patience(self) -> float:
        """Seconds that a read may wait. To be asked when it begins to: what has come is not waited for."""
        reader = self.reader
        if reader is not None and reader.events > self._events:
            # Only now: the caller may have taken time over the chunks of the last piece.
            patience = self._restart(reader)
        else:
            patience = self._clocks.patience
        return patience if not self._has_all or patience < DRAIN else DRAIN

    def take(self, piece: bytes | Failure | None) -> ChatCompletionChunk | None:
        """The first chunk of what was read, if there is one. Told: bytes, None after the last, or a Failure."""
        reader = self.reader
        if not isinstance(piece, bytes) or reader is None:
            self._stop(piece)
            return None
        # Nearly always a piece is one event.
        chunk = reader.recognize(piece)
        if chunk is not None:
            return chunk
        try:
            chunk = reader.take(piece)
        except AurousError as error:
            self._stop(error)
            return None
        self.has_more = chunk is not None
        if reader.parsed > self._parsed:
            self._note(reader)
        return chunk

    def append(self, chunk: ChatCompletionChunk) -> None:
        """Hand out one more after the end: what the stored record has beyond what came."""
        self._beyond = chunk
        self.has_more = True

    def look_ahead(self) -> None:
        """Take in what has come without handing it out: it may have the receipt."""
        with suppress(AurousError):
            while self.reader is not None and self.reader.next() is not None:
                pass

    def absorb(self, piece: bytes) -> None:
        """Take in another piece in the same way."""
        with suppress(AurousError):
            if self.reader is not None:
                self.reader.take(piece)
        self.look_ahead()

    def interruption(self) -> StreamInterruptedError:
        """The error for a stream that stopped before its end."""
        failure = self.stopped_by if isinstance(self.stopped_by, Failure) else None
        reader = self.reader
        if reader is not None and reader.events > self._events:
            self._restart(reader)
        text = reader.accumulator.text if reader else ""
        return self._clocks.interruption(failure, completion_id=reader.id if reader else None, text=text)

    def _restart(self, reader: Reader) -> float:
        """The clock for the next event starts, as nobody is busy with the last. Seconds that there are for it."""
        self._events = reader.events
        return self._clocks.restart()

    def _stop(self, reason: object) -> None:
        self._is_open, self.stopped_by = False, reason

    def _note(self, reader: Reader) -> None:
        """Deal with what only a frame that was parsed in full can bring: the id, warnings, the end."""
        self._parsed = reader.parsed
        self._has_all = reader.awaits_nothing
        self._account.enter(reader.id)
        for told in reader.warnings[self._warnings :]:
            self._warnings += 1
            warnings.warn(StreamNotice(f"{told.code}: {told.message}"), stacklevel=caller_level())
