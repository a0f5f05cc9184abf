"""A client process of a chaos run: makes the calls or streams of a job and reports how each ended.

    python -m resilience.chaos.worker < job.json

Then it waits for the command to settle, and reports its client's ledger.
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from aurous import AsyncAurous, Aurous, IdempotencyKeyInUseError
from aurous_mock.settings import DEFAULT_KEY

from resilience.chaos.client_driver import ClientDriver, TimedCall, request, send
from resilience.chaos.protocol import SETTLE, Job, JobDone

# Seconds to wait for an attempt that still runs on the server, and between two polls.
_SETTLING, _PAUSE = 60.0, 0.25


def should_settle(line: str) -> bool:
    return line.strip() == SETTLE


class ThreadDriver(ClientDriver):
    """Drives an `Aurous` shared by threads."""

    def run(self) -> None:
        with Aurous(DEFAULT_KEY, **self.settings) as client:
            self._client = client
            with ThreadPoolExecutor(self.job.concurrency) as pool:
                list(pool.map(self._call if self.job.kind == "calls" else self._stream, self.job.numbers))
                send(JobDone(client.ledger.unsettled))
                if should_settle(sys.stdin.readline()):
                    list(pool.map(self._repeat, self.open_calls))
                    list(pool.map(self._retrieve, self.streams))
            self.send_ledger(client)

    def _call(self, number: int) -> None:
        completion = None
        with TimedCall() as timed:
            completion = self._client.chat.completions.create(**self.call_arguments(number))
        self.send_call(number, timed, completion)

    def _stream(self, number: int) -> None:
        stream = self._client.chat.completions.stream(
            **request(self.job, number), on_disconnect=self.on_disconnect(number)
        )
        texts: list[str] = []
        with TimedCall() as timed, stream:
            for text in stream.text:
                texts.append(text)  # noqa: PERF402 - text before a break is kept
        recovery = None
        if self.should_recover(number, timed, stream):
            with TimedCall() as recovering:
                stream.recover()
            recovery = recovering.fault.get("error")
        self.send_stream(number, timed, stream, "".join(texts), recovery)
        if stream.end is None:
            # Streams are not retried. Without this pause most would start while the server is down.
            time.sleep(self.job.timeouts.initial_delay)

    def _repeat(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        arguments = request(self.job, number)
        while True:
            try:
                completion = self._client.chat.completions.create(**arguments, idempotency_key=self.keys.known[number])
                break
            except IdempotencyKeyInUseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
        self.send_settlement(number, completion)

    def _retrieve(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        while True:
            completion = self._client.chat.completions.retrieve(self.streams[number])
            if completion.status != "in_progress" or time.monotonic() > deadline:
                break
            time.sleep(_PAUSE)
        self.send_settlement(number, completion)


class TaskDriver(ClientDriver):
    """Drives an `AsyncAurous` shared by tasks."""

    async def run(self) -> None:
        async with AsyncAurous(DEFAULT_KEY, **self.settings) as client:
            self._client = client
            await self._each(self._call if self.job.kind == "calls" else self._stream, self.job.numbers)
            send(JobDone(client.ledger.unsettled))
            if should_settle(await asyncio.to_thread(sys.stdin.readline)):
                await self._each(self._repeat, self.open_calls)
                await self._each(self._retrieve, self.streams)
            self.send_ledger(client)

    async def _each(self, do: Any, numbers: Any) -> None:
        few = asyncio.Semaphore(self.job.concurrency)

        async def one(number: int) -> None:
            async with few:
                await do(number)

        await asyncio.gather(*map(one, numbers))

    async def _call(self, number: int) -> None:
        completion = None
        with TimedCall() as timed:
            completion = await self._client.chat.completions.create(**self.call_arguments(number))
        self.send_call(number, timed, completion)

    async def _stream(self, number: int) -> None:
        stream = self._client.chat.completions.stream(
            **request(self.job, number), on_disconnect=self.on_disconnect(number)
        )
        texts: list[str] = []
        with TimedCall() as timed:
            async with stream:
                async for text in stream.text:
                    texts.append(text)  # noqa: PERF401 - text before a break is kept
        recovery = None
        if self.should_recover(number, timed, stream):
            with TimedCall() as recovering:
                await stream.recover()
            recovery = recovering.fault.get("error")
        self.send_stream(number, timed, stream, "".join(texts), recovery)
        if stream.end is None:
            await asyncio.sleep(self.job.timeouts.initial_delay)

    async def _repeat(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        arguments = request(self.job, number)
        while True:
            try:
                completion = await self._client.chat.completions.create(
                    **arguments, idempotency_key=self.keys.known[number]
                )
                break
            except IdempotencyKeyInUseError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_PAUSE)
        self.send_settlement(number, completion)

    async def _retrieve(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        while True:
            completion = await self._client.chat.completions.retrieve(self.streams[number])
            if completion.status != "in_progress" or time.monotonic() > deadline:
                break
            await asyncio.sleep(_PAUSE)
        self.send_settlement(number, completion)


def main() -> None:
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    if job.mode == "threads":
        ThreadDriver(job).run()
    else:
        asyncio.run(TaskDriver(job).run())


if __name__ == "__main__":
    main()
