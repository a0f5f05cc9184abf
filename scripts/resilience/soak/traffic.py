"""The client process of a soak: keeps a constant number of streams and calls running.

    python -m resilience.soak.traffic < job.json

A third of its workers are threads that share an `Aurous`, the others tasks with an `AsyncAurous` on either backend.
Reports its progress at the start and each second; closes the clients at the end, and waits for a line on standard input
to exit.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec
from aurous import AsyncAurous, Aurous, AurousError, RetryPolicy, StreamPolicy, Timeouts
from aurous.billing.ledger import MAX_REMEMBERED, Ledger
from aurous.types import Receipt
from aurous_mock.settings import DEFAULT_KEY

from resilience.chaos.client_driver import MODEL, send
from resilience.chaos.protocol import JobDone, Progress, SoakJob
from resilience.soak.workload import WorkItem, work_items

_PROGRESS_INTERVAL: Final = 1.0
# Seconds from the start of one worker to the next.
_STAGGER: Final = 0.01
# Bytes that a planted leak keeps for each work item; and of how many streams it leaves one open.
_KEPT, _UNCLOSED = 200_000, 2


class Traffic:
    """State shared by workers of both kinds: the deadline and the counts."""

    def __init__(self, job: SoakJob) -> None:
        self.job = job
        self._deadline = 0.0
        self._lock = threading.Lock()
        self._endings: Counter[str] = Counter()
        self._untyped: Counter[str] = Counter()
        self._events = 0
        self._leaked: list[Any] = []
        self.finished = threading.Event()

    def begin(self) -> None:
        """Start the time that the job has."""
        self._deadline = time.monotonic() + self.job.seconds

    @property
    def settings(self) -> dict[str, Any]:
        timeouts = self.job.timeouts
        return {
            "base_url": self.job.url,
            "timeout": Timeouts(
                read=timeouts.read, total=timeouts.total, first_event=timeouts.read, idle=timeouts.read
            ),
            "retry": RetryPolicy(initial_delay=timeouts.initial_delay),
            "streams": StreamPolicy(recover_within=timeouts.read),
        }

    def work_items(self, worker: int) -> Iterator[WorkItem]:
        """The work items of a worker until the deadline."""
        for item in work_items(self.job.seed, worker, self.job.pace):
            if time.monotonic() > self._deadline:
                return
            yield item

    @contextmanager
    def counting(self, item: WorkItem) -> Iterator[list[Any]]:
        """Count how a work item ends. The block appends the stream that it used, if any."""
        streams: list[Any] = []
        ending: str = item.kind
        try:
            yield streams
        except AurousError as error:
            ending = f"{item.kind}, {type(error).__name__}"
        except Exception as error:
            ending = f"{item.kind}, {type(error).__name__}: {error}"[:300]
            with self._lock:
                self._untyped[ending] += 1
        else:
            ending = f"stream, {streams[0].end}" if streams else item.kind
        with self._lock:
            self._endings[ending] += 1
            self._leak()

    def count_chunks(self, events: int) -> None:
        """Count chunks received."""
        with self._lock:
            self._events += events

    def should_leak(self, stream: Any) -> bool:
        """Whether a planted leak leaves this stream open."""
        with self._lock:
            is_leaked = self.job.leak == "streams" and self._endings.total() % _UNCLOSED == 0
            if is_leaked:
                self._leaked.append(stream)
        return is_leaked

    def progress(self, *clients: Aurous | AsyncAurous) -> Progress:
        with self._lock:
            return Progress(
                endings=dict(sorted(self._endings.items())),
                untyped=dict(self._untyped),
                events=self._events,
                credits=sum((client.ledger.credits for client in clients), Decimal(0)),
            )

    def _leak(self) -> None:
        if self.job.leak == "memory":
            self._leaked.append(b"\1" * _KEPT)
        elif self.job.leak == "threads":
            self._leaked.append(threading.Thread(target=self.finished.wait, daemon=True))
            self._leaked[-1].start()


def drive(traffic: Traffic, client: Aurous, worker: int) -> None:
    """One worker in a thread."""
    for item in traffic.work_items(worker):
        with traffic.counting(item) as streams:
            if item.kind == "call":
                client.chat.completions.create(**item.arguments)
            elif item.kind == "read":
                client.models.list()
                client.balance.retrieve()
            else:
                streams.append(client.chat.completions.stream(**item.arguments))
                _read(traffic, streams[0], item)


def _read(traffic: Traffic, stream: Any, item: WorkItem) -> None:
    if traffic.should_leak(stream):
        next(stream)
        return
    count = 0
    try:
        with stream:
            for _ in stream:
                count += 1
                if count == item.leave_after:
                    break
            if item.cancels and stream.end is None:
                stream.cancel()
    finally:
        traffic.count_chunks(count)
        if stream.receipt is None and stream.id is not None:
            stream.recover()


async def drive_async(traffic: Traffic, client: AsyncAurous, worker: int) -> None:
    """One worker in a task."""
    for item in traffic.work_items(worker):
        with traffic.counting(item) as streams:
            if item.kind == "call":
                await client.chat.completions.create(**item.arguments)
            elif item.kind == "read":
                await client.models.list()
                await client.balance.retrieve()
            else:
                streams.append(client.chat.completions.stream(**item.arguments))
                await _read_async(traffic, streams[0], item)


async def _read_async(traffic: Traffic, stream: Any, item: WorkItem) -> None:
    if traffic.should_leak(stream):
        await anext(stream)
        return
    count = 0
    try:
        async with stream:
            async for _ in stream:
                count += 1
                if count == item.leave_after:
                    break
            if item.cancels and stream.end is None:
                await stream.cancel()
    finally:
        traffic.count_chunks(count)
        if stream.receipt is None and stream.id is not None:
            await stream.recover()


def fill_ledger(ledger: Ledger) -> None:
    """Fill a ledger to its capacity; while it fills, it would look like a leak for an hour."""
    for number in range(MAX_REMEMBERED):
        receipt = Receipt(
            completion_id=f"cmp_{number:026}",
            model=MODEL,
            pricing_version=1,
            credits=Decimal(0),
            input_credits=Decimal(0),
            output_credits=Decimal(0),
            reasoning_credits=Decimal(0),
            prompt_tokens=0,
            completion_tokens=0,
            reasoning_tokens=0,
            total_tokens=0,
        )
        ledger.settle(receipt, created=True)


async def run(job: SoakJob) -> None:
    traffic = Traffic(job)
    with Aurous(DEFAULT_KEY, **traffic.settings) as client:
        async with (
            AsyncAurous(DEFAULT_KEY, backend="httpx", **traffic.settings) as async_httpx,
            AsyncAurous(DEFAULT_KEY, backend="aiohttp", **traffic.settings) as async_aiohttp,
        ):
            for each in (client, async_httpx, async_aiohttp):
                fill_ledger(each.ledger)
            traffic.begin()
            reporter = asyncio.create_task(_send_progress(traffic, client, async_httpx, async_aiohttp))
            threads, tasks = list[threading.Thread](), list[asyncio.Task[None]]()
            for worker in range(job.concurrency):
                if worker % 3 == 0:
                    threads.append(threading.Thread(target=drive, args=(traffic, client, worker), daemon=True))
                    threads[-1].start()
                else:
                    tasks.append(
                        asyncio.create_task(
                            drive_async(traffic, async_httpx if worker % 3 == 1 else async_aiohttp, worker)
                        )
                    )
                await asyncio.sleep(_STAGGER)
            await asyncio.gather(*tasks)
            for thread in threads:
                await asyncio.to_thread(thread.join)
            reporter.cancel()
            send(traffic.progress(client, async_httpx, async_aiohttp))
    send(JobDone(tuple(name for each in (client, async_httpx, async_aiohttp) for name in each.ledger.unsettled)))
    await asyncio.to_thread(sys.stdin.readline)
    traffic.finished.set()


async def _send_progress(traffic: Traffic, *clients: Aurous | AsyncAurous) -> None:
    while True:
        send(traffic.progress(*clients))
        await asyncio.sleep(_PROGRESS_INTERVAL)


def main() -> None:
    asyncio.run(run(msgspec.json.decode(sys.stdin.readline(), type=SoakJob)))


if __name__ == "__main__":
    main()
