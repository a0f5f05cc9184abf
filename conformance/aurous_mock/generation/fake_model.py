"""The fake model: an engine without a language model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from aurous_mock.generation.answer import Answer, AnswerPart, compose_answer
from aurous_mock.generation.engine import Pace, stream_answer
from aurous_mock.generation.parsed_request import ParsedRequest


class FakeModel:
    """Generates plausible text, tool calls and JSON, deterministically."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        answer = await self._compose(request)
        seconds = pace.duration(answer.length)
        if seconds:
            await asyncio.sleep(seconds)
        return answer

    @asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        async with aclosing(stream_answer(await self._compose(request), pace)) as deltas:
            yield deltas

    async def _compose(self, request: ParsedRequest) -> Answer:
        if request.body.get("tools") or request.body.get("response_format"):
            # A schema may take long: other requests are served meanwhile.
            return await asyncio.to_thread(compose_answer, request, self._seed)
        return compose_answer(request, self._seed)

    async def stop(self) -> None:
        """It has no connections to close."""
