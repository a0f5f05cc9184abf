"""What the clients of a soak are asked, drawn by lots: streams and calls, whole, spoilt by the mock, or left early.

Values only. The same seed gives the same errands to the same lane.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from aurous_mock.http.faults import HEADER

from resilience.chaos.client_driver import request_of

Kind = Literal["stream", "call", "look"]

# Of a hundred errands. The rest are streams that nothing happens to.
_CALLS, _LOOKS, _SPOILT_STREAMS, _LEFT_STREAMS, _SPOILT_CALLS = 18, 4, 14, 8, 6
_STREAM_FAULTS: Final = ("truncate", "reset", "malformed", "error-frame", "end", "done")
_CALL_FAULTS: Final = (
    "code=chat_provider_unavailable; times=1",
    "status=500",
    "html; times=1",
    "reset=after; times=1",
    "truncate=body; times=1",
    "code=resource_not_found",
    "malformed",
)


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to ask.

    fault:  what the mock is told to do, as it is written there
    leaves: after how many chunks the caller has enough of a stream
    """

    kind: Kind
    question: dict[str, Any]
    fault: str = ""
    leaves: int | None = None
    cancels: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """As `create` and `stream` take them."""
        return {**self.question, "extra_headers": {HEADER: self.fault}}


def errands(seed: int, lane: int, pace: float) -> Iterator[Errand]:
    """One after another, without end. pace: tokens per second of each answer"""
    dice = random.Random(repr((seed, lane)))  # noqa: S311
    number = lane
    while True:
        # The caller's own words differ, so that nothing can be kept for being the same.
        yield _drawn(dice, number, pace)
        number += 1000


def _drawn(dice: random.Random, number: int, pace: float) -> Errand:
    tokens, lot = dice.randrange(4, 40), dice.randrange(100)
    question = request_of(number, tokens)
    place, paced = dice.randrange(1, tokens), f"pace={pace:g}"
    if lot < _CALLS:
        return Errand("call", question, paced)
    lot -= _CALLS
    if lot < _LOOKS:
        return Errand("look", question)
    lot -= _LOOKS
    if lot < _SPOILT_STREAMS:
        return Errand("stream", question, f"{paced}; {dice.choice(_STREAM_FAULTS)}={place}")
    lot -= _SPOILT_STREAMS
    if lot < _LEFT_STREAMS:
        return Errand("stream", question, paced, leaves=place, cancels=dice.random() < 0.5)
    lot -= _LEFT_STREAMS
    if lot < _SPOILT_CALLS:
        return Errand("call", question, dice.choice(_CALL_FAULTS))
    return Errand("stream", question, paced)
