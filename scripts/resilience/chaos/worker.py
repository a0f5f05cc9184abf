"""A process with a client in it: makes the calls or streams of a job and tells how each ended.

    python -m resilience.chaos.worker < job.json

Then it waits for a word whether to settle what is open, and tells what its client's ledger says.
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from aurous import AsyncAurous, Aurous, IdempotencyKeyInUseError
from aurous_mock.server.settings import DEFAULT_KEY

from resilience.chaos.client_driver import Subject, Watched, request, tell
from resilience.chaos.protocol import SETTLE, Done, Job

# Seconds to wait for what an attempt that nobody heard of left running, and between two looks at it.
_SETTLING, _PAUSE = 60.0, 0.25


def is_to_settle(line: str) -> bool:
    return line.strip() == SETTLE


class InThreads(Subject):
    """With an `Aurous` that threads share."""

    def run(self) -> None:
        with Aurous(DEFAULT_KEY, **self.settings) as client:
            self._client = client
            with ThreadPoolExecutor(self.job.at_once) as pool:
                list(pool.map(self._call if self.job.kind == "calls" else self._stream, self.job.numbers))
                tell(Done(client.ledger.unsettled))
                if is_to_settle(sys.stdin.readline()):
                    list(pool.map(self._call_again, self.open_calls))
                    list(pool.map(self._look_up, self.streams))
            self.tell_account(client)

    def _call(self, number: int) -> None:
        found = None
        with Watched() as watched:
            found = self._client.chat.completions.create(**self.keyed(number))
        self.tell_call(number, watched, found)

    def _stream(self, number: int) -> None:
        stream = self._client.chat.completions.stream(
            **request(self.job, number), on_disconnect=self.on_disconnect(number)
        )
        texts: list[str] = []
        with Watched() as watched, stream:
            for text in stream.text:
                texts.append(text)  # noqa: PERF402 - what came before a break has to stay
        recovery = None
        if self.asks_afterwards(number, watched, stream):
            with Watched() as asking:
                stream.recover()
            recovery = asking.fault.get("error")
        self.tell_stream(number, watched, stream, "".join(texts), recovery)
        if stream.end is None:
            # Streams are not tried again. Without this, most would be begun in the moments without a server.
            time.sleep(self.job.patience.initial_delay)

    def _call_again(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        asked = request(self.job, number)
        while True:
            try:
                found = self._client.chat.completions.create(**asked, idempotency_key=self.keys.known[number])
                break
            except IdempotencyKeyInUseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
        self.tell_settled(number, found)

    def _look_up(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        while True:
            found = self._client.chat.completions.retrieve(self.streams[number])
            if found.status != "in_progress" or time.monotonic() > deadline:
                break
            time.sleep(_PAUSE)
        self.tell_settled(number, found)


class InTasks(Subject):
    """With an `AsyncAurous` that tasks share."""

    async def run(self) -> None:
        async with AsyncAurous(DEFAULT_KEY, **self.settings) as client:
            self._client = client
            await self._each(self._call if self.job.kind == "calls" else self._stream, self.job.numbers)
            tell(Done(client.ledger.unsettled))
            if is_to_settle(await asyncio.to_thread(sys.stdin.readline)):
                await self._each(self._call_again, self.open_calls)
                await self._each(self._look_up, self.streams)
            self.tell_account(client)

    async def _each(self, do: Any, numbers: Any) -> None:
        few = asyncio.Semaphore(self.job.at_once)

        async def one(number: int) -> None:
            async with few:
                await do(number)

        await asyncio.gather(*map(one, numbers))

    async def _call(self, number: int) -> None:
        found = None
        with Watched() as watched:
            found = await self._client.chat.completions.create(**self.keyed(number))
        self.tell_call(number, watched, found)

    async def _stream(self, number: int) -> None:
        stream = self._client.chat.completions.stream(
            **request(self.job, number), on_disconnect=self.on_disconnect(number)
        )
        texts: list[str] = []
        with Watched() as watched:
            async with stream:
                async for text in stream.text:
                    texts.append(text)  # noqa: PERF401 - what came before a break has to stay
        recovery = None
        if self.asks_afterwards(number, watched, stream):
            with Watched() as asking:
                await stream.recover()
            recovery = asking.fault.get("error")
        self.tell_stream(number, watched, stream, "".join(texts), recovery)
        if stream.end is None:
            await asyncio.sleep(self.job.patience.initial_delay)

    async def _call_again(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        asked = request(self.job, number)
        while True:
            try:
                found = await self._client.chat.completions.create(**asked, idempotency_key=self.keys.known[number])
                break
            except IdempotencyKeyInUseError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_PAUSE)
        self.tell_settled(number, found)

    async def _look_up(self, number: int) -> None:
        deadline = time.monotonic() + _SETTLING
        while True:
            found = await self._client.chat.completions.retrieve(self.streams[number])
            if found.status != "in_progress" or time.monotonic() > deadline:
                break
            await asyncio.sleep(_PAUSE)
        self.tell_settled(number, found)


def main() -> None:
    job = msgspec.json.decode(sys.stdin.readline(), type=Job)
    if job.mode == "threads":
        InThreads(job).run()
    else:
        asyncio.run(InTasks(job).run())


if __name__ == "__main__":
    main()
