"""A reusable asyncio timeout: one timer for all reads of a stream."""

from __future__ import annotations

import asyncio
from typing import Any, Final

# Maximum seconds of a timer; a shorter timeout after a long one then seldom needs a new timer.
_MAX_TIMER: Final = 5.0


class ReusableTimeout:
    """Cancels the waiting task on expiry, as `asyncio.timeout` does. Must be made within an event loop.

    timeout.start(seconds)
    try:
        await something()
    except asyncio.CancelledError:
        if not timeout.expired():
            raise
    finally:
        timeout.stop()
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        # When the timer fires, and when the timeout expires: never before the timer.
        self._timer_at = self._expires_at = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._expired = False

    def start(self, seconds: float) -> None:
        """Start the timeout for the current task."""
        self._task = task = asyncio.current_task()
        assert task is not None
        self._cancelling = task.cancelling()
        now = self._loop.time()
        self._expires_at = moment = now + seconds
        if self._timer is None or moment < self._timer_at:
            self._start_timer(now)

    def expired(self) -> bool:
        """Whether a cancellation came from this timeout, and from nothing else."""
        if not self._expired or self._task is None:
            return False
        self._expired = False
        return self._task.uncancel() <= self._cancelling

    def stop(self) -> None:
        """End the wait; `start` can follow."""
        if self._expired and self._task is not None:
            # Expired just as the wait ended in another way.
            self._task.uncancel()
            self._expired = False
        self._task = None

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, now: float) -> None:
        self.close()
        self._timer_at = min(self._expires_at, now + _MAX_TIMER)
        self._timer = self._loop.call_at(self._timer_at, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._expires_at > self._timer_at:
            self._start_timer(self._loop.time())
            return
        self._expired = True
        self._task.cancel()
