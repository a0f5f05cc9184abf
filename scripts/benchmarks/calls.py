"""Makes calls with each client, one after another or concurrently: the measured work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any

from . import raw_clients
from .payloads import KEY, MESSAGES, PATH

MODEL = "aurous-grow-2.0-pro"

Ask = Callable[[], str | None]
AsyncAsk = Callable[[], Awaitable[str | None]]


@contextmanager
def aurous(url: str) -> Iterator[Ask]:
    from aurous import Aurous

    with Aurous(KEY, base_url=url) as client:
        create = client.chat.completions.create
        yield lambda: create(model=MODEL, messages=MESSAGES).choices[0].message.content


@contextmanager
def openai(url: str) -> Iterator[Ask]:
    from openai import OpenAI

    messages: Any = MESSAGES
    with OpenAI(api_key=KEY, base_url=f"{url}/v1") as client:
        create = client.chat.completions.create
        yield lambda: create(model=MODEL, messages=messages).choices[0].message.content


@contextmanager
def httpx(url: str) -> Iterator[Ask]:
    import httpx as library

    content = raw_clients.body(MODEL, stream=False)
    with library.Client(base_url=url, headers=raw_clients.HEADERS) as client:

        def ask() -> str:
            text: str = client.post(PATH, json=content).json()["choices"][0]["message"]["content"]
            return text

        yield ask


@asynccontextmanager
async def async_aurous(url: str) -> AsyncIterator[AsyncAsk]:
    from aurous import AsyncAurous

    async with AsyncAurous(KEY, base_url=url) as client:

        async def ask() -> str | None:
            completion = await client.chat.completions.create(model=MODEL, messages=MESSAGES)
            return completion.choices[0].message.content

        yield ask


@asynccontextmanager
async def async_openai(url: str) -> AsyncIterator[AsyncAsk]:
    from openai import AsyncOpenAI

    messages: Any = MESSAGES
    async with AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:

        async def ask() -> str | None:
            completion = await client.chat.completions.create(model=MODEL, messages=messages)
            return completion.choices[0].message.content

        yield ask


@asynccontextmanager
async def async_httpx(url: str) -> AsyncIterator[AsyncAsk]:
    import httpx as library

    content = raw_clients.body(MODEL, stream=False)
    async with library.AsyncClient(base_url=url, headers=raw_clients.HEADERS) as client:

        async def ask() -> str:
            text: str = (await client.post(PATH, json=content)).json()["choices"][0]["message"]["content"]
            return text

        yield ask


@asynccontextmanager
async def async_aiohttp(url: str) -> AsyncIterator[AsyncAsk]:
    import aiohttp as library

    content = raw_clients.body(MODEL, stream=False)
    async with library.ClientSession(url, headers=raw_clients.HEADERS) as session:

        async def ask() -> str:
            async with session.post(PATH, json=content) as response:
                text: str = (await response.json())["choices"][0]["message"]["content"]
                return text

        yield ask


CLIENTS: dict[str, Callable[[str], AbstractContextManager[Ask]]] = {
    "aurous": aurous,
    "openai": openai,
    "httpx": httpx,
}
ASYNC_CLIENTS: dict[str, Callable[[str], AbstractAsyncContextManager[AsyncAsk]]] = {
    "aurous": async_aurous,
    "openai": async_openai,
    "httpx": async_httpx,
    "aiohttp": async_aiohttp,
}
