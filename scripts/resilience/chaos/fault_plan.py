"""What can go wrong with an exchange, and the lots by which it does. Values only: opens no connection.

The same seed lets the same thing go wrong with the same attempt of the same call, whatever the order of arrival.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Work(Enum):
    """What the server is given to do."""

    NONE = "before the work"
    ONCE = "after the work"
    TWICE = "delivered twice"
    OVERTAKEN = "overtaken by a copy"
    SLOW = "work outlasts the client's patience"


class Answer(Enum):
    """What the client gets of the answer."""

    WHOLE = "answered"
    RESET = "reset"
    STALLED = "stall"
    CUT = "cut body"
    TORN = "reset within the answer"
    HTML = "HTML 502"
    FAILED = "JSON 500"
    UNAVAILABLE = "JSON 503"


class Ending(Enum):
    """How a stream breaks off."""

    RESET = "reset"
    CLOSED = "closed without an end of the body"
    ENDED = "ended in good order without [DONE]"
    STALLED = "stall"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one exchange."""

    work: Work
    answer: Answer
    place: float = 0.0
    """Where an answer is cut: the share of it, from 0 to 1, that arrives."""

    def __str__(self) -> str:
        told = (self.work,) if self.answer is Answer.WHOLE else (self.answer, self.work)
        return ", ".join(part.value for part in told)


@dataclass(frozen=True, slots=True)
class Break:
    """Where and how one stream breaks off."""

    events: int
    """How many events arrive whole; where the answer has no more, it arrives whole itself."""
    ending: Ending
    is_within: bool
    """Whether the first half of the next event arrives too."""
    is_noticed: bool
    """Whether the server sees its client go. Otherwise it makes the answer for nobody, behind a gateway."""

    def __str__(self) -> str:
        where = "within an event" if self.is_within else "between events"
        noticed = "noticed" if self.is_noticed else "unnoticed"
        return f"stream {self.ending.value}, {where}, {noticed} by the server"


_SPOILT: Final = (Answer.RESET, Answer.STALLED, Answer.HTML, Answer.FAILED, Answer.UNAVAILABLE)
_CREATING: Final = (
    *((Work.NONE, answer) for answer in _SPOILT),
    *((Work.ONCE, answer) for answer in (*_SPOILT, Answer.CUT, Answer.TORN)),
    *((work, Answer.WHOLE) for work in (Work.TWICE, Work.OVERTAKEN, Work.SLOW)),
)
_READING: Final = tuple((work, answer) for work, answer in _CREATING if work in (Work.NONE, Work.ONCE))
# Of streams that are not broken off, because they are spoilt before they begin: one in so many.
_UNOPENED: Final = 12


class Lots:
    """Decides what goes wrong with which exchange.

    share: of exchanges that go wrong, from 0 to 1; of streams it is all, at a point that can lie beyond their end
    """

    def __init__(self, seed: int, share: float) -> None:
        self._seed = seed
        self._share = share

    def for_call(self, method: str, number: int | None, attempt: int) -> Fault | None:
        """The fault of the attempt of that number, from 0, of a call; None where all is to go well."""
        dice = self._dice(method, number, attempt)
        if dice.random() >= self._share:
            return None
        work, answer = dice.choice(_CREATING if method == "POST" else _READING)
        return Fault(work, answer, dice.random())

    def for_stream(self, number: int | None, attempt: int, most_tokens: int) -> Fault | Break:
        """What becomes of a stream that may have so many tokens."""
        dice = self._dice("stream", number, attempt)
        if dice.randrange(_UNOPENED) == 0:
            return Fault(Work.NONE, dice.choice(_SPOILT))
        # Beside its tokens a stream has a role, a receipt and [DONE]; some are to arrive whole.
        events = dice.randrange(int((most_tokens + 3) * 1.2))
        return Break(events, dice.choice([*Ending]), dice.random() < 0.5, dice.random() < 0.5)

    def _dice(self, *subject: object) -> random.Random:
        return random.Random(repr((self._seed, *subject)))  # noqa: S311
