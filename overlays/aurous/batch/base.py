"""What the batches of threads and of tasks have in common: their figures, and the results that are not yet consumed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .results import BatchResult
from .scheduler import Scheduler
from .settings import Settings
from .summary import Summary


class BaseBatch:
    """A batch, of which subclasses run the requests. Iterated over once."""

    def __init__(self, settings: Settings, pull: Callable[[], Any], clock: Callable[[], float]) -> None:
        self._scheduler = Scheduler(settings, pull, clock)
        self._concurrency = settings.concurrency
        self._ready: deque[BatchResult] = deque()
        self._working = 0
        self._has_begun = False

    @property
    def summary(self) -> Summary:
        """The figures so far."""
        return self._scheduler.summary

    @property
    def job(self) -> str:
        """What the idempotency keys are derived from, with each line; empty before the first result."""
        return self._scheduler.job

    def _begin(self) -> None:
        """Raises RuntimeError if it has begun before."""
        if self._has_begun:
            raise RuntimeError("a batch can be iterated over once")
        self._has_begun = True
