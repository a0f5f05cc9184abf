"""A process with clients in it that always has so many streams and calls under way, for a while.

    python -m resilience.soak.traffic < shift.json

A third of its lanes are threads that share an `Aurous`, the others tasks with an `AsyncAurous` on either kind of
connections. Tells each second what has come of it; closes the clients at the end, and waits for a word to go.
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
from aurous.billing.ledger import REMEMBERED, Ledger
from aurous.billing.receipts import Receipt
from aurous_mock.server.settings import DEFAULT_KEY

from resilience.chaos.client_driver import MODEL, tell
from resilience.chaos.protocol import Done, Shift, Tally
from resilience.soak.workload import Errand, errands

_TELL_EVERY: Final = 1.0
# Seconds from the start of one lane to the next.
_STAGGER: Final = 0.01
# What a planted leak keeps of each errand, in bytes; and of how many streams one is never closed.
_KEPT, _UNCLOSED = 200_000, 2


class Traffic:
    """What the lanes of both kinds share: when it is over, and what they count."""

    def __init__(self, shift: Shift) -> None:
        self.shift = shift
        self._deadline = time.monotonic() + shift.seconds
        self._lock = threading.Lock()
        self._endings: Counter[str] = Counter()
        self._untyped: Counter[str] = Counter()
        self._events = 0
        self._leaked: list[Any] = []
        self.over = threading.Event()

    @property
    def settings(self) -> dict[str, Any]:
        patience = self.shift.patience
        return {
            "base_url": self.shift.url,
            "timeout": Timeouts(
                read=patience.read, total=patience.total, first_event=patience.read, idle=patience.read
            ),
            "retry": RetryPolicy(initial_delay=patience.initial_delay),
            "streams": StreamPolicy(recover_within=patience.read),
        }

    def errands(self, lane: int) -> Iterator[Errand]:
        """Those of a lane, until it is over."""
        for errand in errands(self.shift.seed, lane, self.shift.pace):
            if time.monotonic() > self._deadline:
                return
            yield errand

    @contextmanager
    def counting(self, errand: Errand) -> Iterator[list[Any]]:
        """Counts how an errand ends. What is put into the list is the stream that it was done with."""
        used: list[Any] = []
        ending: str = errand.kind
        try:
            yield used
        except AurousError as error:
            ending = f"{errand.kind}, {type(error).__name__}"
        except Exception as error:
            ending = f"{errand.kind}, {type(error).__name__}: {error}"[:300]
            with self._lock:
                self._untyped[ending] += 1
        else:
            ending = f"stream, {used[0].end}" if used else errand.kind
        with self._lock:
            self._endings[ending] += 1
            self._leak()

    def saw(self, events: int) -> None:
        """Count chunks that were handed out."""
        with self._lock:
            self._events += events

    def keeps(self, stream: Any) -> bool:
        """Whether this stream is one that a planted leak does not close."""
        with self._lock:
            kept = self.shift.leak == "streams" and self._endings.total() % _UNCLOSED == 0
            if kept:
                self._leaked.append(stream)
        return kept

    def tally(self, *clients: Aurous | AsyncAurous) -> Tally:
        with self._lock:
            return Tally(
                endings=dict(sorted(self._endings.items())),
                untyped=dict(self._untyped),
                events=self._events,
                credits=sum((client.ledger.credits for client in clients), Decimal(0)),
            )

    def _leak(self) -> None:
        if self.shift.leak == "memory":
            self._leaked.append(b"\1" * _KEPT)
        elif self.shift.leak == "threads":
            self._leaked.append(threading.Thread(target=self.over.wait, daemon=True))
            self._leaked[-1].start()


def drive(traffic: Traffic, client: Aurous, lane: int) -> None:
    """One lane in a thread."""
    for errand in traffic.errands(lane):
        with traffic.counting(errand) as used:
            if errand.kind == "call":
                client.chat.completions.create(**errand.arguments)
            elif errand.kind == "look":
                client.models.list()
                client.balance.retrieve()
            else:
                used.append(client.chat.completions.stream(**errand.arguments))
                _read(traffic, used[0], errand)


def _read(traffic: Traffic, stream: Any, errand: Errand) -> None:
    if traffic.keeps(stream):
        next(stream)
        return
    seen = 0
    try:
        with stream:
            for _ in stream:
                seen += 1
                if seen == errand.leaves:
                    break
            if errand.cancels and stream.end is None:
                stream.cancel()
    finally:
        traffic.saw(seen)
        if stream.receipt is None and stream.id is not None:
            stream.recover()


async def adrive(traffic: Traffic, client: AsyncAurous, lane: int) -> None:
    """One lane in a task."""
    for errand in traffic.errands(lane):
        with traffic.counting(errand) as used:
            if errand.kind == "call":
                await client.chat.completions.create(**errand.arguments)
            elif errand.kind == "look":
                await client.models.list()
                await client.balance.retrieve()
            else:
                used.append(client.chat.completions.stream(**errand.arguments))
                await _aread(traffic, used[0], errand)


async def _aread(traffic: Traffic, stream: Any, errand: Errand) -> None:
    if traffic.keeps(stream):
        await anext(stream)
        return
    seen = 0
    try:
        async with stream:
            async for _ in stream:
                seen += 1
                if seen == errand.leaves:
                    break
            if errand.cancels and stream.end is None:
                await stream.cancel()
    finally:
        traffic.saw(seen)
        if stream.receipt is None and stream.id is not None:
            await stream.recover()


def fill(ledger: Ledger) -> None:
    """Let a ledger remember all that it can, like that of a client that has been at work for days.

    Filling up, it would look like a leak for an hour.
    """
    for number in range(REMEMBERED):
        nothing = Receipt(
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
        ledger.settle(nothing, created=True)


async def run(shift: Shift) -> None:
    traffic = Traffic(shift)
    with Aurous(DEFAULT_KEY, **traffic.settings) as client:
        async with (
            AsyncAurous(DEFAULT_KEY, backend="httpx", **traffic.settings) as one,
            AsyncAurous(DEFAULT_KEY, backend="aiohttp", **traffic.settings) as other,
        ):
            for each in (client, one, other):
                fill(each.ledger)
            told = asyncio.create_task(_tell(traffic, client, one, other))
            threads, tasks = list[threading.Thread](), list[asyncio.Task[None]]()
            for lane in range(shift.at_once):
                if lane % 3 == 0:
                    threads.append(threading.Thread(target=drive, args=(traffic, client, lane), daemon=True))
                    threads[-1].start()
                else:
                    tasks.append(asyncio.create_task(adrive(traffic, one if lane % 3 == 1 else other, lane)))
                await asyncio.sleep(_STAGGER)
            await asyncio.gather(*tasks)
            for thread in threads:
                await asyncio.to_thread(thread.join)
            told.cancel()
            tell(traffic.tally(client, one, other))
    tell(Done(tuple(name for each in (client, one, other) for name in each.ledger.unsettled)))
    await asyncio.to_thread(sys.stdin.readline)
    traffic.over.set()


async def _tell(traffic: Traffic, *clients: Aurous | AsyncAurous) -> None:
    while True:
        await asyncio.sleep(_TELL_EVERY)
        tell(traffic.tally(*clients))


def main() -> None:
    asyncio.run(run(msgspec.json.decode(sys.stdin.readline(), type=Shift)))


if __name__ == "__main__":
    main()
