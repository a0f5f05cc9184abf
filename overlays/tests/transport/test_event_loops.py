"""One AsyncAurous in several event loops: connections are closed with their loop, and nothing warns."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import weakref
from typing import Any

import aurous
import pytest
import trio
from aurous_mock.server.launcher import Mock
from testkit.raw_server import RawServer
from testkit.responses import GOOD, KEY, MESSAGES, MODEL

BACKENDS = pytest.mark.parametrize("backend", ["httpx", "aiohttp"])

PROGRAM = f"""
import asyncio, gc, sys
import aurous

URL, KEY, BACKEND, WAY = sys.argv[1:]
client = aurous.AsyncAurous(KEY, base_url=URL, backend=BACKEND)
chat = {{"model": {MODEL!r}, "messages": {MESSAGES!r}}}

async def call(**options):
    completion = await client.chat.completions.create(**chat, **options)
    assert completion.status == "completed"

async def stream():
    async with client.chat.completions.stream(**chat) as stream:
        assert "".join([text async for text in stream.text])

async def several():
    await asyncio.gather(call(), call(), stream())

if WAY == "run":
    for _ in range(3):
        asyncio.run(several())
elif WAY == "runner":
    with asyncio.Runner() as runner:
        for _ in range(2):
            runner.run(several())
    with asyncio.Runner() as runner:
        runner.run(call())
        runner.run(client.close())
elif WAY == "plain loop":
    for _ in range(2):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(several())
        loop.run_until_complete(client.close_connections())
        loop.close()
elif WAY == "garbage":
    async def main():
        global client
        await several()
        del client
        gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
    asyncio.run(main())
gc.collect()
"""


@BACKENDS
@pytest.mark.parametrize(
    "way", ["garbage", *(pytest.param(way, marks=pytest.mark.slow) for way in ("run", "runner", "plain loop"))]
)
def test_program_leaves_nothing_open_that_warns(backend: str, way: str, mock: Mock) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, mock.url, KEY, backend, way],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


@BACKENDS
def test_large_body_is_sent_without_a_warning(backend: Any, wire: RawServer, recwarn: pytest.WarningsRecorder) -> None:
    wire.plays(GOOD)
    content = "word " * 500_000

    async def main() -> None:
        async with aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend) as client:
            await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])

    asyncio.run(main())
    assert json.loads(wire.requests[0].body)["messages"][0]["content"] == content
    assert [str(warning.message) for warning in recwarn] == []


@BACKENDS
def test_connections_are_closed_with_their_loop(backend: Any, wire: RawServer) -> None:
    wire.plays(GOOD)
    client = aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend)
    loops = weakref.WeakSet[Any]()

    async def call() -> Any:
        loops.add(asyncio.get_running_loop())
        await client.chat.completions.create(model=MODEL, messages=MESSAGES)

    for number in range(3):
        asyncio.run(call())
        assert wire.connections == number + 1
    # The loops before the last are forgotten, and with them their connections.
    gc.collect()
    assert len(loops) <= 1


@BACKENDS
def test_client_remains_usable_after_close_connections(backend: Any, wire: RawServer) -> None:
    wire.plays(GOOD)

    async def main() -> None:
        async with aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend) as client:
            for _ in range(2):
                await client.chat.completions.create(model=MODEL, messages=MESSAGES)
                await client.close_connections()

    asyncio.run(main())
    assert wire.connections == 2


def test_connections_are_closed_with_a_loop_of_trio(wire: RawServer) -> None:
    wire.plays(GOOD)
    client = aurous.AsyncAurous(KEY, base_url=wire.url)

    async def call() -> None:
        await client.chat.completions.create(model=MODEL, messages=MESSAGES)

    for _ in range(2):
        trio.run(call)
    assert wire.connections == 2
    trio.run(client.close)
