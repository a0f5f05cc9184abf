"""Ends waits that take too long, with one timer for all the waits of a stream. asyncio only; knows not what is awaited.

A timeout of its own for each event costs more than the event does.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

# Seconds until a timer looks again, so that a shorter wait after a long one seldom needs another timer.
_LONGEST: Final = 5.0


class Alarm:
    """Wakes the task that waits by cancelling it, as `asyncio.timeout` does. To be made within an event loop.

    alarm.set(seconds)
    try:
        await something()
    except asyncio.CancelledError:
        if not alarm.has_rung():
            raise
    finally:
        alarm.rest()
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        # When the timer goes off, and when the wait is over; the former is never the later.
        self._due = self._moment = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._rang = False

    def set(self, seconds: float) -> None:
        """The task that runs is going to wait, for so long at most."""
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()
        now = self._loop.time()
        self._moment = moment = now + seconds
        if self._timer is None or moment < self._due:
            self._start_timer(now)

    def has_rung(self) -> bool:
        """Whether a cancellation was the alarm's, and nobody else's."""
        if not self._rang or self._task is None:
            return False
        self._rang = False
        return self._task.uncancel() <= self._cancelling

    def rest(self) -> None:
        """The task has done with waiting."""
        if self._rang and self._task is not None:
            # It ended some other way at the same moment.
            self._task.uncancel()
            self._rang = False
        self._task = None

    def close(self) -> None:
        """No wait follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, now: float) -> None:
        self.close()
        self._due = min(self._moment, now + _LONGEST)
        self._timer = self._loop.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._moment > self._due:
            self._start_timer(self._loop.time())
            return
        self._rang = True
        self._task.cancel()
