"""Runs one case in a process of its own and prints its cost as one line of JSON.

`python -m benchmarks.case GROUP CLIENT URL`. Every case makes a small request first, so that imports and first use are
not measured, and checks afterwards that it has read everything.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import async_streams, batches, calls, payloads, streams
from .payloads import StreamSpec
from .server_process import Stopwatch, timed

STREAMED = 20_000
SHORTER = 5_000
DECODED = 10
FANNED_OUT = 256
EVENTS_EACH = 100
PACED_EACH = 40
PACE = 0.05
CALLS = 1_000
OPENED = 500
BATCHED = 4_000
IN_FLIGHT = 64

LONG = StreamSpec(STREAMED, 0)
_SMALL = StreamSpec(20, 0)


class WrongResultError(Exception):
    """A client did not read what the server sent."""


def stream(client: str, url: str, spec: StreamSpec = LONG) -> dict[str, float]:
    """CPU microseconds per event of one long stream."""
    with streams.CLIENTS[client](url) as read:
        read(_SMALL._replace(kind=spec.kind).model)
        with timed(url) as watch:
            read_count = read(spec.model)
    _check([read_count], spec)
    return _per_unit(watch, spec.events)


def opened_stream(client: str, url: str) -> dict[str, float]:
    """CPU microseconds per stream of two events, one after another on one connection."""
    spec = StreamSpec(2, 0)
    with streams.CLIENTS[client](url) as read:
        read(_SMALL.model)
        with timed(url) as watch:
            read_counts = [read(spec.model) for _ in range(OPENED)]
    _check(read_counts, spec)
    return _per_unit(watch, OPENED)


def async_stream(client: str, url: str, spec: StreamSpec = LONG) -> dict[str, float]:
    """As `stream`, from a coroutine."""
    return asyncio.run(_fan_out(client, url, 1, spec))


def fan_out(client: str, url: str) -> dict[str, float]:
    """CPU microseconds per event of many concurrent streams, including opening them."""
    return asyncio.run(_fan_out(client, url, FANNED_OUT, StreamSpec(EVENTS_EACH, 0)))


def paced_fan_out(client: str, url: str) -> dict[str, float]:
    """As `fan_out`, with events that arrive one by one."""
    return asyncio.run(_fan_out(client, url, FANNED_OUT, StreamSpec(PACED_EACH, PACE)))


async def _fan_out(client: str, url: str, count: int, spec: StreamSpec) -> dict[str, float]:
    async with async_streams.CLIENTS[client](url) as read:
        await read(_SMALL._replace(kind=spec.kind).model)
        with timed(url) as watch:
            read_counts = await asyncio.gather(*(read(spec.model) for _ in range(count)))
    _check(read_counts, spec)
    return _per_unit(watch, spec.events * count)


def call(client: str, url: str) -> dict[str, float]:
    """CPU microseconds per call, one after another on one connection."""
    with calls.CLIENTS[client](url) as ask:
        ask()
        with timed(url) as watch:
            texts = [ask() for _ in range(CALLS)]
    _check_texts(texts)
    return _per_unit(watch, CALLS)


def async_call(client: str, url: str) -> dict[str, float]:
    """CPU microseconds per call, `IN_FLIGHT` at once."""
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


def batch(client: str, url: str) -> dict[str, float]:
    """CPU microseconds per request of a batch, from its start to its last answer in the file."""
    return asyncio.run(_batch(client, url))


async def _batch(client: str, url: str) -> dict[str, float]:
    await batches.CLIENTS[client](url, IN_FLIGHT)
    with timed(url) as watch:
        lengths = await batches.CLIENTS[client](url, BATCHED)
    if lengths != [payloads.answer_length()] * BATCHED:
        raise WrongResultError(f"{len(lengths)} answers of {BATCHED} were read, or not all of their text")
    return _per_unit(watch, BATCHED)


def large_completion(client: str, kind: str) -> dict[str, float]:
    """CPU microseconds per kilobyte of a large completion, from bytes to a typed object, or to plain JSON."""
    content = payloads.large_completion(kind)
    decode = _decoders()[client]
    decode(content)
    started = time.process_time()
    for _ in range(DECODED):
        decode(content)
    return {"figure": (time.process_time() - started) / DECODED / len(content) * 1e9}


def _decoders() -> dict[str, Callable[[bytes], Any]]:
    from aurous._json import decode
    from aurous_client.models import ChatCompletion

    return {"aurous": lambda content: ChatCompletion.from_dict(decode(content)), "json.loads": json.loads}


def memory(length: str, url: str) -> dict[str, float]:
    """Peak memory in MB of reading a stream of so many events, such as `20000` or `20000 and snapshot`."""
    from aurous import Aurous

    events, _, with_snapshot = length.partition(" and ")
    count = 0
    with (
        Aurous(payloads.KEY, base_url=url) as client,
        client.chat.completions.stream(model=StreamSpec(int(events), 0).model, messages=payloads.MESSAGES) as read,
    ):
        # Accessed before the first chunk, which turns accumulation on.
        snapshot = read.snapshot if with_snapshot else None
        for _ in read:
            count += 1
        if snapshot is not None and len(snapshot.text) != StreamSpec(int(events), 0).characters:
            raise WrongResultError("the snapshot lacks text")
    if count != int(events):
        raise WrongResultError(f"{count} events of {events} were read")
    return {"figure": _peak_memory() / 1e6}


WORK: dict[str, Callable[[str, str], dict[str, float]]] = {
    "stream": stream,
    "async-stream": async_stream,
    "open-stream": opened_stream,
    "fan-out": fan_out,
    "fan-out-paced": paced_fan_out,
    "call": call,
    "async-call": async_call,
    "batch": batch,
    "memory": memory,
    "large-tools": lambda client, _: large_completion(client, "tools"),
    "large-logprobs": lambda client, _: large_completion(client, "logprobs"),
    **{f"stream-{kind}": partial(stream, spec=StreamSpec(SHORTER, 0, kind)) for kind in payloads.KINDS},
    **{f"async-stream-{kind}": partial(async_stream, spec=StreamSpec(SHORTER, 0, kind)) for kind in payloads.KINDS},
}


def _check(read_counts: list[streams.ReadCount], spec: StreamSpec) -> None:
    for events, characters in read_counts:
        if (events, characters) != (spec.events, spec.characters):
            raise WrongResultError(f"{events} events of {spec.events} were read, {characters} characters")


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
    """In bytes. Linux's ru_maxrss would include the process that this one was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def main() -> int:
    group, client, url = sys.argv[1:]
    client, _, package = client.partition(" without ")
    if package:
        # As if it were not installed.
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        output: dict[str, Any] = WORK[group](client, url)
    except ModuleNotFoundError as error:
        output = {"missing": f"{error.name} is not installed; try: pip install -e '.[bench]'"}
    print(json.dumps(output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
