"""Runs one case in the process that it is given, and prints what it has cost as one line of JSON.

`python -m benchmarks.case GROUP CLIENT URL`. Every case reads something small first, so that what a client imports or
makes on first use is no part of it; and it proves afterwards that it has read all.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import async_streams, calls, payloads, streams
from .payloads import Order
from .serving import Stopwatch, timed

STREAMED = 20_000
FANNED_OUT = 256
EVENTS_EACH = 100
PACE = 0.05
CALLS = 1_000
IN_FLIGHT = 64

_SMALL = Order(20, 0)


class WrongResultError(Exception):
    """A client has not read what the server has sent."""


def stream(client: str, url: str) -> dict[str, float]:
    """CPU microseconds for each event of one long stream."""
    order = Order(STREAMED, 0)
    with streams.CLIENTS[client](url) as read:
        read(_SMALL.model)
        with timed(url) as watch:
            tally = read(order.model)
    _check([tally], order)
    return _per_unit(watch, order.events)


def async_stream(client: str, url: str) -> dict[str, float]:
    """As `stream`, from a coroutine."""
    return asyncio.run(_fan_out(client, url, 1, Order(STREAMED, 0)))


def fan_out(client: str, url: str) -> dict[str, float]:
    """CPU microseconds for each event of many streams at once, their opening included."""
    return asyncio.run(_fan_out(client, url, FANNED_OUT, Order(EVENTS_EACH, 0)))


def paced_fan_out(client: str, url: str) -> dict[str, float]:
    """As `fan_out`, with events that arrive one by one."""
    return asyncio.run(_fan_out(client, url, FANNED_OUT, Order(EVENTS_EACH, PACE)))


async def _fan_out(client: str, url: str, count: int, order: Order) -> dict[str, float]:
    async with async_streams.CLIENTS[client](url) as read:
        await read(_SMALL.model)
        with timed(url) as watch:
            tallies = await asyncio.gather(*(read(order.model) for _ in range(count)))
    _check(tallies, order)
    return _per_unit(watch, order.events * count)


def call(client: str, url: str) -> dict[str, float]:
    """CPU microseconds for a call, one after another on one connection."""
    with calls.CLIENTS[client](url) as ask:
        ask()
        with timed(url) as watch:
            texts = [ask() for _ in range(CALLS)]
    _check_texts(texts)
    return _per_unit(watch, CALLS)


def async_call(client: str, url: str) -> dict[str, float]:
    """CPU microseconds for a call, with as many in flight."""
    return asyncio.run(_async_call(client, url))


async def _async_call(client: str, url: str) -> dict[str, float]:
    texts: list[str | None] = []
    numbers = iter(range(CALLS))
    async with calls.ASYNC_CLIENTS[client](url) as ask:

        async def work() -> None:
            texts.extend([await ask() for _ in numbers])

        await ask()
        with timed(url) as watch:
            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    _check_texts(texts)
    return _per_unit(watch, CALLS)


def memory(length: str, url: str) -> dict[str, float]:
    """Megabytes at the highest point of reading a stream of so many events, such as `20000` or `20000 and snapshot`."""
    from aurous import Aurous

    events, _, asked = length.partition(" and ")
    count = 0
    with (
        Aurous(payloads.KEY, base_url=url) as client,
        client.chat.completions.stream(model=Order(int(events), 0).model, messages=payloads.MESSAGES) as read,
    ):
        # Touched before the first chunk comes, for those who need to be told.
        snapshot = read.snapshot if asked else None
        for _ in read:
            count += 1
        if snapshot is not None and len(snapshot.text) != Order(int(events), 0).characters:
            raise WrongResultError("the snapshot has not all the text")
    if count != int(events):
        raise WrongResultError(f"{count} events of {events} were read")
    return {"figure": _peak_memory() / 1e6}


WORK: dict[str, Callable[[str, str], dict[str, float]]] = {
    "stream": stream,
    "async-stream": async_stream,
    "fan-out": fan_out,
    "fan-out-paced": paced_fan_out,
    "call": call,
    "async-call": async_call,
    "memory": memory,
}


def _check(tallies: list[streams.Tally], order: Order) -> None:
    for events, characters in tallies:
        if (events, characters) != (order.events, order.characters):
            raise WrongResultError(f"{events} events of {order.events} were read, {characters} characters")


def _check_texts(texts: list[str | None]) -> None:
    if [len(text or "") for text in texts] != [payloads.answer_length()] * CALLS:
        raise WrongResultError(f"{len(texts)} answers of {CALLS} were read, or not all of their text")


def _per_unit(watch: Stopwatch, units: int) -> dict[str, float]:
    return {
        "figure": watch.cpu / units * 1e6,
        "wall": watch.wall / units * 1e6,
        "server_share": watch.server / watch.wall,
    }


def _peak_memory() -> int:
    """In bytes. Linux's own rusage would count the process that this one was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def main() -> int:
    group, client, url = sys.argv[1:]
    try:
        told: dict[str, Any] = WORK[group](client, url)
    except ModuleNotFoundError as error:
        told = {"missing": f"{error.name} is not installed; try: pip install -e '.[bench]'"}
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
