"""The timeouts of a stream: to its first event, between events, to its end, and for the rest of its body.

Keep-alives do not count as events, and the time that the caller takes over one does not count against the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .._config.policies import Timeouts
from .._request.flow import RequestFlow, StreamResponse
from ..errors import (
    APITimeoutError,
    FirstEventTimeoutError,
    IdleTimeoutError,
    StreamInterruptedError,
    StreamTimeoutError,
    TotalTimeoutError,
)
from ..transport.effects import MIN_TIMEOUT, Close, Flow, Read, TransportFailure
from ..types import EndReason

DRAIN: Final = 0.25
"""Seconds to wait for the rest of a body after the stream's end, which makes the connection reusable."""

# Sockets wake up a little before their time.
_NEARLY = 0.99


class ExpiredTimeout(NamedTuple):
    """The error for a timeout that has expired."""

    error: type[StreamTimeoutError]
    message: str


class StreamTimeouts:
    """How long the next read may take, and which timeout has expired.

    sent:     when the request of the last attempt was sent
    deadline: when the stream must have ended, by the same clock
    clock:    monotonic seconds
    """

    def __init__(self, timeouts: Timeouts, *, sent: float, deadline: float, clock: Callable[[], float]) -> None:
        self._timeouts = timeouts
        self._idle = timeouts.idle
        self._deadline = deadline
        self._clock = clock
        self._limit = sent + timeouts.until_first_event
        self._has_events = False
        self._has_read = False
        self._needs_restart = False
        # Whether the stream should have ended, as of the last restart.
        self._is_past_deadline = False
        self.has_new_event = False
        """To be set when an event is received."""

    def may_read(self) -> bool:
        """Whether there is time for another read. The first is made, and one after each event, however late it is."""
        if self.has_new_event:
            self.has_new_event, self._needs_restart, self._has_read = False, True, True
            return not self._is_past_deadline
        if not self._has_read:
            self._has_read = True
            return True
        # The last piece had no event, so the timeout runs on, whether or not there is anything to wait for.
        if self._needs_restart:
            self._restart()
        return not self._has_expired()

    def read_timeout(self) -> float:
        """Seconds that a read may wait. To be called when it starts to wait, not for data that has arrived: the caller
        may have spent time on the events of the last piece.
        """
        if self._needs_restart:
            return self._restart()
        return max(min(self._limit, self._deadline) - self._clock(), MIN_TIMEOUT)

    def _has_expired(self) -> bool:
        return self._clock() >= min(self._limit, self._deadline)

    def _first_to_expire(self) -> ExpiredTimeout:
        if self._deadline <= self._limit:
            return _no_end(self._timeouts)
        return _no_further_event(self._timeouts) if self._has_events else _no_first_event(self._timeouts)

    def interruption(
        self, failure: TransportFailure | None, *, completion_id: str | None, text: str, events: int | None = None
    ) -> StreamInterruptedError:
        """The error for a stream that stopped before its end: a timeout, a transport error, or the server's close.

        events: how many were received, of a stream that is no text
        """
        if self.has_new_event or self._needs_restart:
            self._restart()
        error_type: type[StreamInterruptedError] = StreamInterruptedError
        message = "the server closed the connection before the end"
        end: EndReason = "closed_early"
        if failure.timed_out if failure else self._has_expired():
            (error_type, message), end = self._first_to_expire(), "cut"
        elif failure:
            message, end = failure.message, "cut"
        error = error_type(message, completion_id=completion_id, text=text, end=end, events=events)
        error.__cause__ = failure.cause if failure else None
        return error

    def _restart(self) -> float:
        """Start waiting for the event after the last. Returns the seconds that a read may wait."""
        now = self._clock()
        self._needs_restart = False
        self._limit = limit = now + self._idle
        self._has_events = True
        # This runs for every event of every stream.
        if limit < self._deadline:
            return self._idle
        self._is_past_deadline = now >= self._deadline
        return max(self._deadline - now, MIN_TIMEOUT)


def open_stream(
    flow: RequestFlow, timeouts: Timeouts, clock: Callable[[], float], *, events: int | None = None
) -> Flow[StreamResponse]:
    """Send the request of a stream. events: 0 for a stream that is no text"""
    started = clock()
    try:
        return (yield from flow.for_stream())
    except APITimeoutError as error:
        raise _as_stream_timeout(error, timeouts, clock() - started, events=events) from error.__cause__


def discard(response: StreamResponse, flow: RequestFlow, error: BaseException) -> Flow[None]:
    """Disconnect a stream that was interrupted before its controller had it. error: what interrupted it"""
    yield Close(response.body)
    flow.report_end(None, error)


def _as_stream_timeout(
    error: APITimeoutError, timeouts: Timeouts, elapsed: float, *, events: int | None = None
) -> APITimeoutError:
    """The error for a timeout before the stream was open: a server may hold its headers back until the first event.

    elapsed: seconds since the call started
    """
    last = error.attempts[-1].elapsed if error.attempts else 0.0
    if elapsed >= timeouts.total * _NEARLY:
        expired = _no_end(timeouts)
    elif error.sent and last >= timeouts.until_first_event * _NEARLY:
        expired = _no_first_event(timeouts)
    else:
        return error
    timeout = expired.error(expired.message, completion_id=None, text="", end="cut", events=events)
    timeout.attempts, timeout.sent = error.attempts, error.sent
    return timeout


def drain(body: Any, clock: Callable[[], float], receive: Callable[[bytes], None]) -> Flow[None]:
    """Read the rest of a body if it arrives soon: only then is the connection reusable."""
    deadline = clock() + DRAIN

    def remaining() -> float:
        return deadline - clock()

    while remaining() > 0:
        piece = yield Read(body, remaining)
        if not isinstance(piece, bytes):
            return
        receive(piece)


def _no_first_event(timeouts: Timeouts) -> ExpiredTimeout:
    return ExpiredTimeout(FirstEventTimeoutError, f"no event within {timeouts.until_first_event:g} s")


def _no_further_event(timeouts: Timeouts) -> ExpiredTimeout:
    return ExpiredTimeout(IdleTimeoutError, f"no further event within {timeouts.idle:g} s")


def _no_end(timeouts: Timeouts) -> ExpiredTimeout:
    return ExpiredTimeout(TotalTimeoutError, f"it did not end within {timeouts.total:g} s")
