"""Streams abandoned without `with`: however that happens, the server sees a disconnect, and hooks see the end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import aurous
import pytest
import trio
from clientkit.internals import held
from clientkit.streams import Ends
from testkit.conditions import PATIENCE
from testkit.raw_server import Connection, RawServer
from testkit.responses import KEY, MESSAGES, MODEL
from testkit.streams import RED, ROLE, events, in_pieces


class Disconnects:
    """A server action that streams two chunks, and waits for the client to disconnect."""

    def __init__(self) -> None:
        self._seen = threading.Semaphore(0)

    def __call__(self, connection: Connection) -> bool:
        connection.send(in_pieces(events(ROLE, RED), ends=False))
        if connection.receive() is None:
            self._seen.release()
        return False

    def wait(self, count: int = 1) -> None:
        """Return once so many clients have disconnected."""
        for _ in range(count):
            assert self._seen.acquire(timeout=PATIENCE), "the client did not disconnect"


@pytest.fixture
def disconnects(wire: RawServer) -> Disconnects:
    made = Disconnects()
    wire.plays(made)
    return made


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture(autouse=True)
def unraisable(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What Python reports that nobody could catch; nothing, in all of these tests."""
    # What earlier tests left behind warns before, and not in, this one.
    gc.collect()
    # What is alive now is not searched again by the collections of this one.
    gc.freeze()
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    yield seen
    gc.collect()
    assert [str(each.exc_value) for each in seen] == []


def open_stream(client: Any) -> Any:
    return client.chat.completions.stream(model=MODEL, messages=MESSAGES)


def abandon_by_break(stream: Any) -> None:
    for _ in stream:
        break


def abandon_by_return(stream: Any) -> str:
    for chunk in stream:
        return str(chunk.id)
    raise AssertionError


def abandon_by_exception(stream: Any) -> None:
    for _ in stream:
        raise LookupError


def abandon_unread(stream: Any) -> None:
    stream.__enter__()


def abandon_in_a_generator(stream: Any) -> None:
    for _ in (text for text in stream.text):
        break


def abandon_in_a_cycle(stream: Any) -> None:
    next(stream)
    cycle: list[Any] = [stream]
    cycle.append(cycle)


SYNC_WAYS = [
    abandon_by_break,
    abandon_by_return,
    abandon_by_exception,
    abandon_unread,
    abandon_in_a_generator,
    abandon_in_a_cycle,
]


@pytest.mark.parametrize("abandon", SYNC_WAYS)
def test_abandoned_sync_stream_disconnects(
    abandon: Callable[[Any], Any], wire: RawServer, disconnects: Disconnects, ends: Ends
) -> None:
    with aurous.Aurous(KEY, base_url=wire.url, hooks=[ends]) as client:
        with warnings.catch_warnings(record=True, action="always") as warned:
            with contextlib.suppress(LookupError):
                abandon(open_stream(client))
            gc.collect()
        disconnects.wait()
        assert [error for _, error in ends.reports] == [None]
        assert client.ledger.unsettled == (() if abandon is abandon_unread else ("cmp_1",))
    [message] = [str(each.message) for each in warned if each.category is ResourceWarning]
    shown = "None" if abandon is abandon_unread else "cmp_1"
    assert message.startswith(f"<ChatStream id={shown} end=")
    assert message.endswith("was not closed; use it in a block: with client...stream(...) as stream:")


PROGRAM = """
import sys, aurous
client = aurous.Aurous(sys.argv[2], base_url=sys.argv[1])
stream = client.chat.completions.stream(model="aurous-grow-2.0-pro", messages=[{"role": "user", "content": "Hi"}])
for chunk in stream:
    break
"""


def test_program_that_ends_with_a_stream_open_prints_no_error(wire: RawServer, disconnects: Disconnects) -> None:
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-c", PROGRAM, wire.url, KEY]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    disconnects.wait()
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_fifty_abandoned_sync_streams_keep_no_descriptor(wire: RawServer, disconnects: Disconnects) -> None:
    with aurous.Aurous(KEY, base_url=wire.url) as client:
        with warnings.catch_warnings(action="ignore"):
            for _ in range(50):
                abandon_unread(open_stream(client))
                abandon_by_break(open_stream(client))
            gc.collect()
        disconnects.wait(100)
        assert held(client) == ([], [])


async def abandon_async_by_break(stream: Any) -> None:
    async for _ in stream:
        break


async def abandon_async_by_return(stream: Any) -> str:
    async for chunk in stream:
        return str(chunk.id)
    raise AssertionError


async def abandon_async_by_exception(stream: Any) -> None:
    async for _ in stream:
        raise LookupError


async def abandon_async_unread(stream: Any) -> None:
    await stream.__aenter__()


async def abandon_async_in_a_generator(stream: Any) -> None:
    async def relay() -> AsyncIterator[str]:
        async for text in stream.text:
            yield text

    async for _ in relay():
        break


async def abandon_async_in_a_cycle(stream: Any) -> None:
    await anext(stream)
    cycle: list[Any] = [stream]
    cycle.append(cycle)


ASYNC_WAYS = [
    abandon_async_by_break,
    abandon_async_by_return,
    abandon_async_by_exception,
    abandon_async_unread,
    abandon_async_in_a_generator,
    abandon_async_in_a_cycle,
]
WORLDS: dict[str, tuple[Any, Any]] = {
    "httpx": (asyncio.run, "httpx"),
    "aiohttp": (asyncio.run, "aiohttp"),
    "trio": (lambda main: trio.run(lambda: main), "auto"),
}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> tuple[Callable[[Coroutine[Any, Any, Any]], Any], Any]:
    return WORLDS[request.param]


async def in_a_thread(world: str, function: Callable[[], Any]) -> Any:
    if "asyncio" in world:
        return await asyncio.to_thread(function)
    return await trio.to_thread.run_sync(function)


def library() -> str:
    import sniffio

    return sniffio.current_async_library()


@pytest.mark.parametrize("abandon", ASYNC_WAYS)
def test_abandoned_async_stream_disconnects(
    abandon: Callable[[Any], Any], world: Any, wire: RawServer, disconnects: Disconnects, ends: Ends
) -> None:
    run, backend = world

    async def main() -> None:
        async with aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend, hooks=[ends]) as client:
            with contextlib.suppress(LookupError):
                await abandon(open_stream(client))
            gc.collect()
            await in_a_thread(library(), disconnects.wait)
            gc.collect()
            assert [error for _, error in ends.reports] == [None]
            assert client.ledger.unsettled == (() if abandon is abandon_async_unread else ("cmp_1",))

    with warnings.catch_warnings(record=True, action="always") as warned:
        run(main())
        gc.collect()
    messages = [str(each.message) for each in warned if each.category is ResourceWarning]
    # trio reports generators that were left, as this test leaves one.
    [message] = [text for text in messages if "relay" not in text]
    assert message.endswith("was not closed; use it in a block: async with client...stream(...) as stream:")


def test_stream_of_a_cancelled_task_disconnects(
    world: Any, wire: RawServer, disconnects: Disconnects, ends: Ends
) -> None:
    run, backend = world

    async def main() -> None:
        import anyio

        async with aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend, hooks=[ends]) as client:
            async with anyio.create_task_group() as group:

                async def read() -> None:
                    async for chunk in open_stream(client):
                        if chunk.choices[0].delta.content:
                            group.cancel_scope.cancel()
                            await anyio.sleep(0)

                group.start_soon(read)
            await in_a_thread(library(), disconnects.wait)
            assert len(ends.reports) == 1

    with warnings.catch_warnings(action="ignore"):
        run(main())
        gc.collect()


def test_stream_that_outlives_its_loop_disconnects(
    world: Any, wire: RawServer, disconnects: Disconnects, ends: Ends
) -> None:
    run, backend = world

    async def main() -> Any:
        client = aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend, hooks=[ends])
        stream = open_stream(client)
        await anext(stream)
        return stream

    with warnings.catch_warnings(action="ignore"):
        stream = run(main())
        disconnects.wait()
        assert (stream.end, [error for _, error in ends.reports]) == ("left", [None])
        gc.collect()


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_stream_abandoned_after_its_loop_was_closed_disconnects(
    backend: Any, wire: RawServer, disconnects: Disconnects, ends: Ends
) -> None:
    async def main() -> Any:
        client = aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend, hooks=[ends])
        stream = open_stream(client)
        await anext(stream)
        return stream

    loop = asyncio.new_event_loop()
    with warnings.catch_warnings(action="ignore"):
        stream = loop.run_until_complete(main())
        # Without a shutdown of its generators.
        loop.close()
        del stream
        gc.collect()
        disconnects.wait()
        assert [error for _, error in ends.reports] == [None]
        # The connections, which the stream kept alive until then.
        gc.collect()


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_stream_abandoned_in_another_thread_disconnects(
    backend: Any, wire: RawServer, disconnects: Disconnects, ends: Ends
) -> None:
    async def main() -> None:
        async with aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend, hooks=[ends]) as client:
            held = [open_stream(client)]
            await anext(held[0])
            await asyncio.to_thread(held.clear)
            await asyncio.to_thread(disconnects.wait)
            assert len(ends.reports) == 1

    with warnings.catch_warnings(action="ignore"):
        asyncio.run(main())
        gc.collect()


def test_abandoned_async_streams_keep_no_connection(world: Any, wire: RawServer, disconnects: Disconnects) -> None:
    run, backend = world

    async def main() -> None:
        import anyio

        async with aurous.AsyncAurous(KEY, base_url=wire.url, backend=backend) as client:
            for _ in range(20):
                await abandon_async_by_break(open_stream(client))
            await in_a_thread(library(), lambda: disconnects.wait(20))
            # Each is closed by a task of its own.
            for _ in range(10_000):
                if held(client) == ([], []):
                    break
                await anyio.sleep(0)
            assert held(client) == ([], [])

    with warnings.catch_warnings(action="ignore"):
        run(main())
        gc.collect()
