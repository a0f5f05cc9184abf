"""The clock that everything but the pace of streams is timed by, and one for tests that stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Clock:
    """Unix time in seconds, plus what `advance` has added."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def after(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a function later, in a thread."""
        timer = threading.Timer(seconds, function)
        timer.daemon = True
        timer.start()


class ManualClock(Clock):
    """A clock on which nobody waits: `slept` counts the seconds, and `advance` calls what has become due."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = 0.0
        self._start = time.time()
        self._due: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> float:
        return self._start + self._offset

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        due = [entry for entry in self._due if entry[0] <= self._offset]
        self._due = [entry for entry in self._due if entry[0] > self._offset]
        for _, function in due:
            function()

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def after(self, seconds: float, function: Callable[[], object]) -> None:
        self._due.append((self._offset + seconds, function))
