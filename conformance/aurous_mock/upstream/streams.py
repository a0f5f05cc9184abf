"""Reads the body of an upstream server's answer: events, or JSON in place of them, or the reverse."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TypeVar

import httpx

from aurous_mock.generation.answer import AnswerPart
from aurous_mock.upstream.answer_bounds import most_bytes
from aurous_mock.upstream.answer_reader import AnswerReader
from aurous_mock.upstream.values import UnexpectedResponse, describe, parse

T = TypeVar("T")

# What lines of an event stream begin with.
_FIELDS = (b"data", b"event", b"id", b"retry", b":")
# The name of an event that names none, and of one that ends the answer.
_NO_NAME, _ERROR = b"message", b"error"
# A server that sends faster than this one reads never makes it wait: other requests are served between so many items.
_BURST = 16


async def read_blocks(response: httpx.Response, max_tokens: int) -> AsyncGenerator[bytes, None]:
    """The body as it is sent. Raises UnexpectedResponse where it is encoded, or longer than its tokens can be."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnexpectedResponse("an encoded body, which was not asked for")
    left = most_bytes(max_tokens)
    async with aclosing(_taking_turns(response.aiter_raw())) as blocks:
        async for block in blocks:
            left -= len(block)
            if left < 0:
                raise UnexpectedResponse("more than the tokens that were asked for")
            yield block


async def read_parts(
    blocks: AsyncGenerator[bytes, None], reader: AnswerReader, pause: float
) -> AsyncGenerator[AnswerPart, None]:
    """The deltas of an answer, then its end, whether it is a stream or one JSON document.

    pause: seconds that may pass between two events. Raises TimeoutError, and what the reader raises.
    """
    timely = in_time(_read_documents(blocks), lambda: asyncio.timeout(pause))
    async with aclosing(blocks), aclosing(_taking_turns(timely)) as documents:
        async for event, document in documents:
            if event == _ERROR:
                reader.raise_error(document)
            elif document == b"[DONE]":
                reader.end_of_stream()
            elif event is not None:
                for delta in reader.read_chunk(parse(document)):
                    yield delta
            else:
                # All of it before anything is sent: it may be wrong at its end.
                for delta in list(reader.read_body(parse(document))):
                    yield delta
            if reader.is_over:
                break
        for part in reader.flush():
            yield part


async def _taking_turns(items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The items; other tasks run between them, also where all are there already."""
    async with aclosing(items):  # type: ignore[type-var]
        number = 0
        async for item in items:
            number += 1
            if number % _BURST == 0:
                await asyncio.sleep(0)
            yield item


async def in_time(items: AsyncGenerator[T, None], timeout: Callable[[], asyncio.Timeout]) -> AsyncGenerator[T, None]:
    """The items, each read within a timeout that is made for it, or TimeoutError. The consumer is not interrupted."""
    async with aclosing(items):
        while True:
            async with timeout():
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
            yield item


async def _read_documents(blocks: AsyncIterator[bytes]) -> AsyncGenerator[tuple[bytes | None, bytes], None]:
    """The documents of a body, each with the name of its event. A body without events is one document, without one."""
    begun = b""
    async for block in blocks:
        begun = (begun + block).removeprefix(b"\xef\xbb\xbf").lstrip()
        # Fewer than three may be a part of a byte-order mark.
        if len(begun) >= 3:
            break
    if not begun.startswith((b"{", b"[", b"<")):
        has_events = False
        async for event in _read_events(begun, blocks):
            has_events = True
            yield event
        if not has_events and not begun.startswith(_FIELDS):
            raise UnexpectedResponse(f"{describe(begun)} in place of an answer")
        return
    yield None, b"".join([begun, *[block async for block in blocks]])


async def _read_events(begun: bytes, blocks: AsyncIterator[bytes]) -> AsyncGenerator[tuple[bytes, bytes], None]:
    """The name and data of each event. Only CR and LF end lines: other line separators may be part of JSON text.

    An error has the data that was handed on before its name, if no other follows; and it may have none: a server that
    names an error has not ended its answer well, whatever it says of it.
    """
    name, data, handed_on = _NO_NAME, list[bytes](), b""
    async for line in _read_lines(begun, blocks):
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.strip()
        elif field == b"data":
            data.append(value.strip())
        elif field == _ERROR:
            # The data of an error, as earlier versions of llama.cpp send it.
            name, data = _ERROR, [value.strip()]
        if not line:
            # Without data it only keeps the connection open.
            if any(data) or name == _ERROR:
                yield name, b"\n".join(data) or handed_on
            name, data, handed_on = _NO_NAME, [], b""
        elif len(data) == 1 and _is_whole(data[0]):
            # Some servers leave out the empty line that ends an event, and none is to wait for the next one.
            yield name, data[0]
            name, data, handed_on = _NO_NAME, [], data[0]
    if name == _ERROR:
        yield name, b"\n".join(data) or handed_on


def _is_whole(data: bytes) -> bool:
    """Whether a line can only be the whole data of an event: JSON with more after it is none."""
    if data == b"[DONE]":
        return True
    if not (data.startswith(b"{") and data.endswith(b"}")):
        return False
    try:
        parse(data)
    except UnexpectedResponse:
        return False
    return True


async def _read_lines(begun: bytes, blocks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The lines, and what follows the last line break."""
    # A line may come in many blocks: joined once, or it would be copied for each of them.
    unfinished: list[bytes] = []
    block: bytes | None = begun
    follows_cr = False
    while block is not None:
        # CR LF is one line break, also where two blocks share it.
        text = block.removeprefix(b"\n") if follows_cr else block
        follows_cr = block.endswith(b"\r")
        start, *others = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        unfinished.append(start)
        if others:
            for line in (b"".join(unfinished), *others[:-1]):
                yield line
            unfinished = [others[-1]]
        block = await anext(blocks, None)
    # An empty line would end the last event, which is not whole if the body ends before that line: a comment does not.
    yield b"".join(unfinished) or b":"
