"""Asks many short requests and writes a file of answers, with each client: the measured work."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from . import raw_clients
from .payloads import KEY, PATH

MODEL: Final = "aurous-grow-2.0-pro"
IN_FLIGHT: Final = 64

# Asks so many requests, and returns the lengths of the texts.
Ask = Callable[[str, int], Awaitable[list[int]]]


def _prompts(count: int) -> Iterator[str]:
    return (f"Question {number}." for number in range(count))


@contextmanager
def _answers() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aurous-bench-") as folder:
        yield Path(folder, "answers.jsonl")


async def aurous(url: str, count: int) -> list[int]:
    """`aurous.batch`, with keys, receipts and its checkpoint."""
    from aurous import AsyncAurous
    from aurous.batch import arun

    with _answers() as path:
        async with AsyncAurous(KEY, base_url=url) as client:
            batch = arun(client, _prompts(count), model=MODEL, concurrency=IN_FLIGHT, checkpoint=path)
            return [len(result.text or "") async for result in batch]


async def openai(url: str, count: int) -> list[int]:
    """The usual loop: a semaphore, and a task for each request."""
    from openai import AsyncOpenAI

    limit = asyncio.Semaphore(IN_FLIGHT)
    with _answers() as path, path.open("w") as file:
        async with AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:

            async def ask(prompt: str) -> int:
                messages: Any = [{"role": "user", "content": prompt}]
                async with limit:
                    completion = await client.chat.completions.create(model=MODEL, messages=messages)
                file.write(completion.model_dump_json() + "\n")
                return len(completion.choices[0].message.content or "")

            return await asyncio.gather(*map(ask, _prompts(count)))


async def aiohttp(url: str, count: int) -> list[int]:
    """A bare loop of workers, which knows JSON alone."""
    import aiohttp as library

    prompts = _prompts(count)
    with _answers() as path, path.open("w") as file:
        async with library.ClientSession(url, headers=raw_clients.HEADERS) as session:
            lengths: list[int] = []

            async def work() -> None:
                lengths.extend([await _ask_aiohttp(session, prompt, file) for prompt in prompts])

            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
            return lengths


async def _ask_aiohttp(session: Any, prompt: str, file: IO[str]) -> int:
    content = {"model": MODEL, "messages": [{"role": "user", "content": prompt}]}
    async with session.post(PATH, json=content) as response:
        answer = await response.json()
    file.write(json.dumps(answer) + "\n")
    return len(answer["choices"][0]["message"]["content"])


CLIENTS: dict[str, Ask] = {"aurous": aurous, "openai": openai, "aiohttp": aiohttp}
