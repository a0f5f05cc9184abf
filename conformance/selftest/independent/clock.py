"""The clock that windows and rate limits are measured by, which tests can move."""

from __future__ import annotations

import time


class Clock:
    """Unix time in seconds, plus what `advance` has added."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds
