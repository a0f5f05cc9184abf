"""Reads the lines of a batch, and skips those that the checkpoint has a result of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from .checkpoint import Checkpoint
from .request_forms import Line, ReadLine, RequestForms
from .summary import Summary


class Signal(Enum):
    """Why there is no request to start."""

    BLOCKED = "something has to end first, or the next line to arrive"
    FINISHED = "there will be none"


class LineReader:
    """The lines that have no result yet, one after another.

    pull:       returns the next line, or its value; or a signal
    checkpoint: None if there are no results of earlier runs
    """

    def __init__(
        self, pull: Callable[[], Any], forms: RequestForms, checkpoint: Checkpoint | None, summary: Summary
    ) -> None:
        self._pull = pull
        self._forms = forms
        self._checkpoint = checkpoint
        self._summary = summary
        self._number = 0
        self._next: ReadLine | None = None
        self._is_exhausted = False

    @property
    def is_finished(self) -> bool:
        """Whether all lines have been taken."""
        return self._is_exhausted and self._next is None

    def peek(self) -> ReadLine | Signal:
        """The next line, which stays the next one until it is taken; or a signal.

        Raises what the iterable of lines raises, and CheckpointError for a line that is not the one with that result.
        """
        if self._next is not None:
            return self._next
        if self._is_exhausted:
            return Signal.FINISHED
        line = self._read()
        if not isinstance(line, Signal):
            self._next = line
        return line

    def take(self) -> None:
        """Go on to the line after the one that `peek` returned."""
        self._next = None

    def _read(self) -> ReadLine | Signal:
        while True:
            item = self._pull()
            if isinstance(item, Signal):
                self._is_exhausted = item is Signal.FINISHED
                return item
            given = item if isinstance(item, Line) else Line(self._number + 1, item)
            self._number = given.number
            line = self._forms.read(*given)
            if self._checkpoint is None or not self._checkpoint.check(given.number, line.key, line.unit):
                return line
            self._summary.skipped += 1


def pull_from(iterator: Iterator[Any]) -> Callable[[], Any]:
    """A function that returns the next item of an iterator, or `Signal.FINISHED`."""
    return lambda: next(iterator, Signal.FINISHED)
