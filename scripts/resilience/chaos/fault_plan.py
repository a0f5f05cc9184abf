"""Which fault each exchange gets: a pure function of the seed, the call and the attempt.

The order in which requests arrive makes no difference.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Work(Enum):
    """What the server processes."""

    NONE = "before processing"
    ONCE = "after processing"
    TWICE = "delivered twice"
    OVERTAKEN = "overtaken by a duplicate"
    SLOW = "slower than the read timeout"


class ResponseFault(Enum):
    """What the client receives of the response."""

    WHOLE = "complete"
    RESET = "reset"
    STALLED = "stall"
    CUT = "cut body"
    TORN = "reset inside the response"
    HTML = "HTML 502"
    FAILED = "JSON 500"
    UNAVAILABLE = "JSON 503"


class StreamEnding(Enum):
    """How a stream breaks off."""

    RESET = "reset"
    CLOSED = "closed inside the body"
    ENDED = "ended cleanly without [DONE]"
    STALLED = "stall"


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of one exchange."""

    work: Work
    response: ResponseFault
    place: float = 0.0
    """Where the response is cut: the share of it, from 0 to 1, that arrives."""

    def __str__(self) -> str:
        parts = (self.work,) if self.response is ResponseFault.WHOLE else (self.response, self.work)
        return ", ".join(part.value for part in parts)


@dataclass(frozen=True, slots=True)
class StreamBreak:
    """Where and how one stream breaks off."""

    events: int
    """How many events arrive; a shorter stream arrives whole."""
    ending: StreamEnding
    is_inside_event: bool
    """Whether half of the next event arrives too."""
    is_detected: bool
    """Whether the server sees the disconnect; behind a gateway it may not, and completes the stream."""

    def __str__(self) -> str:
        where = "inside an event" if self.is_inside_event else "between events"
        detected = "detected" if self.is_detected else "undetected"
        return f"stream {self.ending.value}, {where}, {detected} by the server"


_RESPONSE_FAULTS: Final = (
    ResponseFault.RESET,
    ResponseFault.STALLED,
    ResponseFault.HTML,
    ResponseFault.FAILED,
    ResponseFault.UNAVAILABLE,
)
_POST_FAULTS: Final = (
    *((Work.NONE, response) for response in _RESPONSE_FAULTS),
    *((Work.ONCE, response) for response in (*_RESPONSE_FAULTS, ResponseFault.CUT, ResponseFault.TORN)),
    *((work, ResponseFault.WHOLE) for work in (Work.TWICE, Work.OVERTAKEN, Work.SLOW)),
)
_GET_FAULTS: Final = tuple((work, response) for work, response in _POST_FAULTS if work in (Work.NONE, Work.ONCE))
# One stream in so many fails before it opens.
_UNOPENED: Final = 12


class FaultPlan:
    """Decides the fault of each exchange.

    share: of calls that get a fault, from 0 to 1; every stream gets a break, which may lie beyond its end
    """

    def __init__(self, seed: int, share: float) -> None:
        self._seed = seed
        self._share = share

    def for_call(self, method: str, number: int | None, attempt: int) -> Fault | None:
        """The fault of one attempt, counted from 0, of a call; None for no fault."""
        rng = self._rng(method, number, attempt)
        if rng.random() >= self._share:
            return None
        work, response = rng.choice(_POST_FAULTS if method == "POST" else _GET_FAULTS)
        return Fault(work, response, rng.random())

    def for_stream(self, number: int | None, attempt: int, most_tokens: int) -> Fault | StreamBreak:
        """The fault or break of a stream of at most `tokens` tokens."""
        rng = self._rng("stream", number, attempt)
        if rng.randrange(_UNOPENED) == 0:
            return Fault(Work.NONE, rng.choice(_RESPONSE_FAULTS))
        # Beside its tokens a stream has events for role, usage and [DONE]; one in six arrives whole.
        events = rng.randrange(int((most_tokens + 3) * 1.2))
        return StreamBreak(events, rng.choice([*StreamEnding]), rng.random() < 0.5, rng.random() < 0.5)

    def _rng(self, *subject: object) -> random.Random:
        return random.Random(repr((self._seed, *subject)))  # noqa: S311
