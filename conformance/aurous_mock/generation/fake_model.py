"""Says what makes answers, and makes them up at a chosen pace; knows nothing of stores or the wire."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from aurous_mock.completions.parsed_request import Order
from aurous_mock.generation.answer import Answer, Ending, Piece, compose

# An unpaced stream lets others run after this many pieces.
_BURST = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast answers come: seconds before the first token, then tokens per second (None: at once)."""

    first_token: float = 0.0
    tokens_per_second: float | None = None

    def duration(self, tokens: int) -> float:
        """Seconds until an answer of so many tokens is whole."""
        return self.first_token + (tokens / self.tokens_per_second if self.tokens_per_second else 0.0)


class Engine(Protocol):
    """What makes answers. A fault of the provider is raised as `Refused` with its documented code."""

    async def answer(self, order: Order, pace: Pace) -> Answer:
        """The whole answer."""
        ...

    def stream(self, order: Order, pace: Pace) -> AsyncIterator[Piece | Ending]:
        """The answer as it is made: pieces, then its ending."""
        ...

    async def stop(self) -> None:
        """Let go of connections."""
        ...


class Improviser:
    """Makes answers up."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def answer(self, order: Order, pace: Pace) -> Answer:
        answer = compose(order, self._seed)
        seconds = pace.duration(answer.length)
        if seconds:
            await asyncio.sleep(seconds)
        return answer

    async def stream(self, order: Order, pace: Pace) -> AsyncIterator[Piece | Ending]:
        answer = compose(order, self._seed)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if pace.first_token:
            await asyncio.sleep(pace.first_token)
        for number, piece in enumerate(answer.pieces()):
            if pace.tokens_per_second:
                # By the clock and not by adding up sleeps, so that the pace holds at any speed.
                await asyncio.sleep(begun + pace.duration(number) - loop.time())
            elif number % _BURST == 0:
                await asyncio.sleep(0)
            yield piece
        yield answer.ending

    async def stop(self) -> None:
        """Nothing to let go of."""
