"""Reads streams with each async client: the measured work.

Each client is set up as its documentation says; only its own case imports it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from . import raw_clients
from .payloads import KEY, MESSAGES, PATH
from .streams import TIMEOUT, ReadCount

if TYPE_CHECKING:
    from aurous import AsyncAurous

Read = Callable[[str], Awaitable[ReadCount]]
# As aurous and openai set them; with httpx's default of 100, the 101st stream would wait for another to end.
LIMITS: dict[str, int] = {"max_connections": 1000, "max_keepalive_connections": 100}


def _reading(client: AsyncAurous) -> Read:
    async def read(model: str) -> ReadCount:
        events = characters = 0
        async with client.chat.completions.stream(model=model, messages=MESSAGES) as stream:
            async for chunk in stream:
                events += 1
                characters += len(chunk.choices[0].delta.content or "")
        return events, characters

    return read


@asynccontextmanager
async def aurous(url: str) -> AsyncIterator[Read]:
    from aurous import AsyncAurous

    async with AsyncAurous(KEY, base_url=url) as client:
        yield _reading(client)


@asynccontextmanager
async def aurous_on_httpx(url: str) -> AsyncIterator[Read]:
    """On httpx, even if httpx-aiohttp is installed."""
    import httpx
    from aurous import AsyncAurous

    async with (
        httpx.AsyncClient(limits=httpx.Limits(**LIMITS)) as http_client,
        AsyncAurous(KEY, base_url=url, http_client=http_client) as client,
    ):
        yield _reading(client)


@asynccontextmanager
async def openai(url: str) -> AsyncIterator[Read]:
    from openai import AsyncOpenAI

    messages: Any = MESSAGES
    async with AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:

        async def read(model: str) -> ReadCount:
            events = characters = 0
            async with await client.chat.completions.create(model=model, messages=messages, stream=True) as stream:
                async for chunk in stream:
                    events += 1
                    characters += len(chunk.choices[0].delta.content or "")
            return events, characters

        yield read


@asynccontextmanager
async def httpx_sse(url: str) -> AsyncIterator[Read]:
    import httpx
    from httpx_sse import aconnect_sse

    limits = httpx.Limits(**LIMITS)
    async with httpx.AsyncClient(base_url=url, headers=raw_clients.HEADERS, timeout=TIMEOUT, limits=limits) as client:

        async def read(model: str) -> ReadCount:
            events = characters = 0
            async with aconnect_sse(client, "POST", PATH, json=raw_clients.body(model, stream=True)) as source:
                async for event in source.aiter_sse():
                    if event.data != "[DONE]":
                        events += 1
                        characters += len(json.loads(event.data)["choices"][0]["delta"].get("content") or "")
            return events, characters

        yield read


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[Read]:
    async def read(model: str) -> ReadCount:
        events = characters = 0
        lines = raw_clients.Lines()
        reader, writer = await asyncio.open_connection(*raw_clients.address(url))
        try:
            writer.write(raw_clients.request(url, model))
            while piece := await reader.read(raw_clients.PIECE):
                for line in lines.feed(piece):
                    if line == b"data: [DONE]":
                        return events, characters
                    if line.startswith(b"data: "):
                        events += 1
                        characters += len(json.loads(line[6:])["choices"][0]["delta"].get("content") or "")
        finally:
            writer.close()
        raise ConnectionError("the stream was interrupted")

    yield read


CLIENTS: dict[str, Callable[[str], AbstractAsyncContextManager[Read]]] = {
    "aurous": aurous,
    "aurous on httpx": aurous_on_httpx,
    "openai": openai,
    "httpx-sse": httpx_sse,
    "raw asyncio": raw,
}
