"""The clocks of a stream: to its first event, from event to event, and to its end. Knows no bytes and never waits.

Keep-alives are no events, and the time that the caller takes over one is not counted against the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .errors import FirstEventTimeoutError, IdleTimeoutError, StreamTimeoutError, TotalTimeoutError
from .options import Timeouts

# A read that may take no time at all could not even fetch what is there already.
_LEAST_PATIENCE = 0.001


class Lapse(NamedTuple):
    """A clock that has run out."""

    error: type[StreamTimeoutError]
    message: str


class Clocks:
    """Tells how long the next read may take, and which clock has run out when nothing came.

    sent:     when the request was sent whose answer this is; earlier attempts are not counted
    deadline: when the stream must have ended, by the same clock
    total:    the seconds that the whole call had until then
    clock:    seconds, monotonic
    """

    def __init__(
        self, timeouts: Timeouts, *, sent: float, deadline: float, total: float, clock: Callable[[], float]
    ) -> None:
        self._idle = timeouts.idle
        self._deadline = deadline
        self._clock = clock
        self._limit = sent + timeouts.first_event
        self._lapse = Lapse(FirstEventTimeoutError, f"no event came within {timeouts.first_event:g} s")
        self._end = Lapse(TotalTimeoutError, f"it did not end within {total:g} s")

    @property
    def patience(self) -> float:
        """Seconds that the next read may take."""
        return max(min(self._limit, self._deadline) - self._clock(), _LEAST_PATIENCE)

    @property
    def has_lapsed(self) -> bool:
        return self._clock() >= min(self._limit, self._deadline)

    @property
    def lapse(self) -> Lapse:
        """The clock that runs out first, or did."""
        return self._end if self._deadline <= self._limit else self._lapse

    def restart(self) -> None:
        """An event came, and the caller is done with it."""
        self._limit = self._clock() + self._idle
        self._lapse = Lapse(IdleTimeoutError, f"no further event came within {self._idle:g} s")
