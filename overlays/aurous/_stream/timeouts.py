"""The clocks of a stream: to its first event, from event to event, and to its end. Knows no bytes and never waits.

Keep-alives are no events, and the time that the caller takes over one is not counted against the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .._client.policies import Timeouts
from .._request.effects import Failure
from ..errors import (
    APITimeoutError,
    FirstEventTimeoutError,
    IdleTimeoutError,
    StreamInterruptedError,
    StreamTimeoutError,
    TotalTimeoutError,
)

# A read that may take no time at all could not even fetch what is there already.
_LEAST_PATIENCE = 0.001
# Sockets wake up a little before their time.
_NEARLY = 0.99


class Lapse(NamedTuple):
    """A clock that has run out."""

    error: type[StreamTimeoutError]
    message: str


class Clocks:
    """Tells how long the next read may take, and which clock has run out when nothing came.

    sent:     when the request was sent whose answer this is; earlier attempts are not counted
    deadline: when the stream must have ended, by the same clock
    clock:    seconds, monotonic
    """

    def __init__(self, timeouts: Timeouts, *, sent: float, deadline: float, clock: Callable[[], float]) -> None:
        self._timeouts = timeouts
        self._idle = timeouts.idle
        self._deadline = deadline
        self._clock = clock
        self._limit = sent + timeouts.first_event
        self._has_begun = False
        self.is_over = False
        """Whether the stream should have ended, when it was last waited for after an event."""

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
        if self._deadline <= self._limit:
            return _no_end(self._timeouts)
        return _no_further(self._timeouts) if self._has_begun else _no_event(self._timeouts)

    def interruption(self, failure: Failure | None, *, completion_id: str | None, text: str) -> StreamInterruptedError:
        """The error for a stream that stopped before its end: of a clock, of what broke it, or of nothing at all."""
        kind: type[StreamInterruptedError] = StreamInterruptedError
        message, how = "the server closed the connection before the end", "closed_early"
        if failure.timed_out if failure else self.has_lapsed:
            (kind, message), how = self.lapse, "cut"
        elif failure:
            message, how = failure.message, "cut"
        error = kind(message, completion_id=completion_id, text=text, kind=how)
        error.__cause__ = failure.cause if failure else None
        return error

    def restart(self) -> float:
        """An event came, and the caller is done with it. Returns `patience`."""
        now = self._clock()
        self._limit = limit = now + self._idle
        self._has_begun = True
        # For every event of every stream, so in the fewest steps.
        if limit < self._deadline:
            return self._idle
        self.is_over = now >= self._deadline
        return max(self._deadline - now, _LEAST_PATIENCE)


def late_opening(error: APITimeoutError, timeouts: Timeouts, elapsed: float) -> APITimeoutError:
    """The error of the clock that ran out before the stream was open: a server may keep its headers back for an event.

    elapsed: seconds since the call began
    """
    last = error.attempts[-1].elapsed if error.attempts else 0.0
    if elapsed >= timeouts.total * _NEARLY:
        lapse = _no_end(timeouts)
    elif error.sent and last >= timeouts.first_event * _NEARLY:
        lapse = _no_event(timeouts)
    else:
        return error
    made = lapse.error(lapse.message, completion_id=None, text="", kind="cut")
    made.attempts, made.sent = error.attempts, error.sent
    return made


def _no_event(timeouts: Timeouts) -> Lapse:
    return Lapse(FirstEventTimeoutError, f"no event came within {timeouts.first_event:g} s")


def _no_further(timeouts: Timeouts) -> Lapse:
    return Lapse(IdleTimeoutError, f"no further event came within {timeouts.idle:g} s")


def _no_end(timeouts: Timeouts) -> Lapse:
    return Lapse(TotalTimeoutError, f"it did not end within {timeouts.total:g} s")
