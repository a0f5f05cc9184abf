"""A server that sends faster than the gateway reads: other requests are served meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from aurous_mock.generation import parsed_request
from aurous_mock.upstream.answer_reader import AnswerReader
from aurous_mock.upstream.redaction import Redaction
from aurous_mock.upstream.streams import read_blocks, read_parts
from gatewaykit import STOP, chunk, event
from mockkit import chat

EVENTS = 400


class Response:
    """A response whose blocks are all there at once."""

    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        for _ in range(EVENTS):
            yield event(chunk({}))
        yield event(STOP)


async def whole(block: bytes) -> AsyncGenerator[bytes, None]:
    yield block


def turns_during(blocks: AsyncGenerator[bytes, None]) -> int:
    """How often another task runs while an answer is read."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def read() -> None:
        body = chat("Hello.")
        reader = AnswerReader(parsed_request.read(body), Redaction(body, None))
        task = asyncio.create_task(others())
        async with aclosing(read_parts(blocks, reader, 60)) as parts:
            assert [part async for part in parts]
        task.cancel()

    asyncio.run(read())
    return turns


def test_blocks_that_are_all_there_are_read_in_turns() -> None:
    assert turns_during(read_blocks(Response(), 10)) >= EVENTS // 20  # type: ignore[arg-type]


def test_events_of_one_block_are_read_in_turns() -> None:
    events = event(chunk({})) * EVENTS + event(STOP)
    assert turns_during(whole(events)) >= EVENTS // 20
