"""Streams that are ended before their end: by an interrupt, a cancelled task, or another that closes them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
import warnings
from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Any

import anyio
import aurous
import pytest
import trio
from aurous import StreamPolicy, Timeouts, errors
from aurous_mock.server.launcher import Mock
from clientkit.internals import held
from clientkit.request_members import named
from clientkit.streams import FAULT, Stream, callers, connections, in_use
from testkit.raw_server import Connection, RawServer
from testkit.responses import KEY, MESSAGES, MODEL, answer
from testkit.streams import RED, ROLE, events, in_pieces, record, sends


class TestInterruptedStreams:
    @pytest.mark.parametrize("on_early_close", ["disconnect", "cancel"])
    def test_stream_interrupted_while_waiting_is_closed(
        self, armed_interrupt: threading.Event, wire: RawServer, on_early_close: Any
    ) -> None:
        reads = threading.Event()

        def interrupts(connection: Connection) -> bool:
            connection.send(in_pieces(events(ROLE, RED), ends=False))
            # A signal that nobody waits for would end the process.
            if reads.wait(120):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            connection.over.wait(30)
            return False

        wire.plays(interrupts, answer(200, record("Red", "cancelled")))
        with callers("sync") as make:
            caller = make(wire.url, streams=StreamPolicy(on_early_close=on_early_close))
            stream = Stream(caller)

            def read() -> None:
                for _ in stream.text:
                    reads.set()

            armed_interrupt.set()
            with pytest.raises(KeyboardInterrupt), stream:
                read()
            assert stream.end == "left"
            assert in_use(caller) == []
            assert (stream.receipt is None) == (on_early_close == "disconnect")
            assert caller.client.ledger.unsettled == (("cmp_1",) if on_early_close == "disconnect" else ())

    def test_closing_a_generator_closes_the_stream_it_iterates(self, wire: RawServer) -> None:
        def relay() -> Generator[Any, None, None]:
            yield from stream

        wire.plays(sends(ROLE, RED, then="stall", ends=False))
        with callers("sync") as make:
            caller = make(wire.url)
            stream = caller.client.chat.completions.stream(model=MODEL, messages=MESSAGES)
            relayed = relay()
            next(relayed)
            relayed.close()
            assert stream.end == "left"
            assert connections(caller) == []


async def exhaust(stream: aurous.AsyncChatStream, on_text: Callable[[], object] = lambda: None) -> None:
    async with stream:
        async for _ in stream:
            if stream.snapshot.text:
                on_text()


class TestCancelledCoroutines:
    @pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
    def test_cancelled_task_leaves_no_open_connection(self, wire: RawServer, backend: Any) -> None:
        wire.plays(sends(ROLE, RED, then="stall", ends=False))

        async def go() -> Any:
            async with aurous.AsyncAurous(base_url=wire.url, api_key=KEY, backend=backend) as client:
                stream = client.chat.completions.stream(model=MODEL, messages=MESSAGES)
                read = asyncio.Event()
                task = asyncio.create_task(exhaust(stream, read.set))
                await read.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert held(client) == ([], [])
                return stream

        stream = asyncio.run(go())
        assert (stream.end, stream.snapshot.text) == ("left", "Red")

    @pytest.mark.parametrize(("backend", "loop"), [("httpx", "asyncio"), ("aiohttp", "asyncio"), ("auto", "trio")])
    def test_cancelled_task_cancels_the_completion(self, mock: Mock, backend: Any, loop: str) -> None:
        async def go() -> Any:
            policy = StreamPolicy(on_early_close="cancel")
            async with aurous.AsyncAurous(base_url=mock.url, api_key=KEY, streams=policy, backend=backend) as client:
                stream = client.chat.completions.stream(
                    model=MODEL, messages=MESSAGES, extra_headers={FAULT: "stall=2"}
                )
                with anyio.CancelScope() as scope:
                    await exhaust(stream, scope.cancel)
                return stream, client

        stream, client = trio.run(go) if loop == "trio" else asyncio.run(go())
        assert stream.end == "left"
        assert stream.completion.status == "cancelled"
        assert client.ledger.credits == sum(Decimal(str(line["credits_charged"])) for line in mock.ledger())

    def test_streams_under_trio_give_no_warnings(self, mock: Mock) -> None:
        async def go() -> None:
            async with aurous.AsyncAurous(base_url=mock.url, api_key=KEY) as client:
                for fault in ("pace=50", "reset=2", "stall=2", "latency=0"):
                    options: Any = {"model": MODEL, "messages": MESSAGES, "extra_headers": {FAULT: fault}}
                    chosen = client.with_options(timeout=Timeouts(idle=0.1))
                    with contextlib.suppress(errors.AurousError):
                        async with chosen.chat.completions.stream(**options) as stream:
                            async for _ in stream.text:
                                if fault == "pace=50":
                                    break
                    gc.collect()

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            trio.run(go)

    @pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
    def test_stream_can_be_closed_while_another_task_reads_it(self, wire: RawServer, backend: Any) -> None:
        wire.plays(sends(ROLE, RED, then="stall", ends=False))

        async def go() -> None:
            async with aurous.AsyncAurous(base_url=wire.url, api_key=KEY, backend=backend) as client:
                stream = client.chat.completions.stream(model=MODEL, messages=MESSAGES)
                read = asyncio.create_task(gather(stream))
                while stream.id is None:
                    await asyncio.sleep(0)
                await asyncio.sleep(0)
                await stream.close()
                with pytest.raises(errors.AurousError):
                    await read

        async def gather(stream: Any) -> list[Any]:
            return [chunk async for chunk in stream]

        asyncio.run(go())

    @pytest.mark.parametrize("backend", [pytest.param("httpx", marks=pytest.mark.slow), "aiohttp"])
    def test_many_concurrent_streams_end_as_their_faults_say(self, mock: Mock, backend: Any) -> None:
        faults = ["latency=0", "pace=200", "reset=3", "truncate=2", "error-frame=1", "end=2", "malformed=2", "done=3"]

        async def one(client: aurous.AsyncAurous, number: int) -> str:
            headers = {FAULT: faults[number % len(faults)]}
            options: Any = {"model": MODEL, "messages": MESSAGES, **named(max_tokens=8), "extra_headers": headers}
            stream = client.chat.completions.stream(**options)
            with contextlib.suppress(errors.AurousError):
                await exhaust(stream)
            if stream.receipt is None:
                await stream.recover()
            return str(stream.end)

        async def go() -> tuple[list[str], list[Any], aurous.Ledger]:
            async with aurous.AsyncAurous(base_url=mock.url, api_key=KEY, backend=backend) as client:
                ends = await asyncio.gather(*(one(client, number) for number in range(128)))
                return ends, held(client)[0], client.ledger

        ends, busy, ledger = asyncio.run(go())
        assert {end: ends.count(end) for end in set(ends)} == {
            "finished": 32,
            "cut": 32,
            "failed": 32,
            "closed_early": 16,
            "done_without_finish_reason": 16,
        }
        assert busy == []
        assert ledger.unsettled == ()
        assert ledger.credits == sum(Decimal(str(line["credits_charged"])) for line in mock.ledger())
