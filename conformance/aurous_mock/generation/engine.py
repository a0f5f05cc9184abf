"""The interface of engines, which generate answers, and the pace at which they do."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from aurous_mock.generation.answer import Answer, AnswerPart
from aurous_mock.generation.parsed_request import ParsedRequest

# A stream without a pace yields to other tasks after so many deltas.
_BURST = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an answer is generated: seconds to the first token, then tokens per second (None: at once)."""

    first_token: float = 0.0
    tokens_per_second: float | None = None

    def duration(self, tokens: int) -> float:
        """Seconds until an answer of so many tokens is complete."""
        return self.first_token + (tokens / self.tokens_per_second if self.tokens_per_second else 0.0)


class Engine(Protocol):
    """Generates answers. Raises APIError with the documented code where the provider fails."""

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        """The whole answer."""
        ...

    def stream(self, request: ParsedRequest, pace: Pace) -> AbstractAsyncContextManager[AsyncIterator[AnswerPart]]:
        """The answer while it is generated: its deltas, then why it finished.

        A provider that fails before it answers fails at the beginning of the block, when no stream has begun.
        """
        ...

    async def stop(self) -> None:
        """Close the connections."""
        ...


async def stream_answer(answer: Answer, pace: Pace) -> AsyncGenerator[AnswerPart, None]:
    """A whole answer, delta by delta at a pace."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    if pace.first_token:
        await asyncio.sleep(pace.first_token)
    for number, delta in enumerate(answer.deltas()):
        if pace.tokens_per_second:
            # Until a point in time: sleeps that are added up would fall behind at high speeds.
            await asyncio.sleep(started + pace.duration(number) - loop.time())
        elif number % _BURST == 0:
            await asyncio.sleep(0)
        yield delta
    yield answer.end
