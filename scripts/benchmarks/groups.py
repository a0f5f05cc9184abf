"""The benchmark groups: their cases, how each is started, and what is claimed of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from . import async_streams, batches, calls, mock, streams
from .payloads import KEY


@dataclass(frozen=True)
class Case:
    """Measured work, as a command that prints its cost as a line of JSON; `{url}` is the server's."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """The ratio of the peer's cost to ours, and its minimum; None if it is shown without a target."""

    ours: str
    peer: str
    least: float | None = None

    @property
    def title(self) -> str:
        return f"{self.peer} / {self.ours}"


@dataclass(frozen=True)
class Group:
    """Cases that do the same work.

    unit:    of their figures
    visits:  how often each round runs the cases
    warm_up: whether each case runs once unmeasured, for the files that it leaves behind
    """

    name: str
    title: str
    unit: str
    cases: tuple[Case, ...]
    claims: tuple[Claim, ...]
    visits: int = 1
    warm_up: bool = False

    @property
    def is_time(self) -> bool:
        """Whether figures are microseconds of CPU, which convert to units per second."""
        return self.unit.startswith("us")


def _cases(group: str, clients: Iterable[str]) -> tuple[Case, ...]:
    return tuple(Case(name, (sys.executable, "-m", "benchmarks.case", group, name, "{url}")) for name in clients)


def _imports(programs: dict[str, str]) -> tuple[Case, ...]:
    program = (
        "import time; began = time.process_time(); {}; spent = time.process_time() - began; "
        "print('{{\"figure\":', spent * 1000, '}}')"
    )
    return tuple(Case(name, (sys.executable, "-c", program.format(code))) for name, code in programs.items())


def _mock(kind: str) -> tuple[Case, ...]:
    names = [name for name in mock.CASES if name.startswith(kind)]
    return tuple(
        Case(name.partition(": ")[2], (sys.executable, "-m", "benchmarks.mock", name, "{core}")) for name in names
    )


# Decodes with `json`, as where the extra is not installed.
_PURE = "aurous without msgspec"


def _frames(kind: str, title: str, openai: float, httpx_sse: float) -> tuple[Group, Group]:
    """The groups of streams whose chunks are all of one kind, for threads and for coroutines."""
    clients = ("aurous", "openai", "httpx-sse")
    sync, coroutines = f"stream-{kind}", f"async-stream-{kind}"
    return (
        Group(
            sync,
            f"streamed event, sync: {title}",
            "us/event",
            _cases(sync, (*clients, _PURE)),
            (Claim("aurous", "openai", openai), Claim("aurous", "httpx-sse", httpx_sse), Claim("aurous", _PURE)),
        ),
        Group(
            coroutines,
            f"streamed event, async: {title}",
            "us/event",
            _cases(coroutines, clients),
            (Claim("aurous", "openai", 2 * openai), Claim("aurous", "httpx-sse", 2 * httpx_sse)),
        ),
    )


def _large(kind: str, title: str) -> Group:
    name = f"large-{kind}"
    claims = (Claim("aurous", "json.loads", 1 / 1.5), Claim("aurous", _PURE))
    cases = _cases(name, ("aurous", "json.loads", _PURE))
    return Group(name, f"a completion of {title}, from bytes to objects", "us/kB", cases, claims)


_FAN_OUT = ("aurous", "openai", "httpx-sse", "raw asyncio")

GROUPS = (
    Group(
        "stream",
        "streamed event, sync: one stream of 20,000",
        "us/event",
        _cases("stream", streams.CLIENTS),
        (
            Claim("aurous", "openai", 10),
            Claim("aurous", "httpx-sse", 1.3),
            Claim("aurous", "raw socket", 0.45),
        ),
    ),
    Group(
        "async-stream",
        "streamed event, async: one stream of 20,000",
        "us/event",
        _cases("async-stream", async_streams.CLIENTS),
        (
            Claim("aurous", "openai", 20),
            Claim("aurous", "httpx-sse", 2.5),
            Claim("aurous", "raw asyncio", 0.6),
            Claim("aurous on httpx", "openai", 8),
        ),
    ),
    *_frames("tools", "arguments of a tool call", 8, 1),
    *_frames("logprobs", "text, two alternatives for each token", 5, 0.8),
    *_frames("padded", "text, and a member that differs in each", 8, 1),
    *_frames("metered", "text, and the usage so far", 5, 0.8),
    _large("tools", "20 tool calls, 1 MB"),
    _large("logprobs", "4,000 log probabilities"),
    Group(
        "open-stream",
        "stream of two events, sync, one after another",
        "us/stream",
        _cases("open-stream", ("aurous", "openai", "httpx-sse")),
        (Claim("aurous", "openai", 2), Claim("aurous", "httpx-sse", 0.9)),
    ),
    Group(
        "fan-out",
        "256 async streams at once, 100 events each, full speed",
        "us/event",
        _cases("fan-out", _FAN_OUT),
        (
            Claim("aurous", "openai", 12),
            Claim("aurous", "httpx-sse", 2.5),
            Claim("aurous", "raw asyncio"),
        ),
    ),
    Group(
        "fan-out-paced",
        "256 async streams at once, 40 events each, one every 50 ms",
        "us/event",
        _cases("fan-out-paced", _FAN_OUT),
        (
            Claim("aurous", "openai", 4),
            Claim("aurous", "httpx-sse", 4),
            Claim("aurous", "raw asyncio"),
        ),
    ),
    Group(
        "call",
        "call, sync, one after another",
        "us/call",
        _cases("call", calls.CLIENTS),
        (Claim("aurous", "openai", 2.2), Claim("aurous", "httpx", 1.2)),
    ),
    Group(
        "async-call",
        "call, async, 64 in flight",
        "us/call",
        _cases("async-call", calls.ASYNC_CLIENTS),
        (Claim("aurous", "openai", 4.5), Claim("aurous", "httpx", 5), Claim("aurous", "aiohttp")),
    ),
    Group(
        "batch",
        "batch of 4,000 short requests, 64 in flight, answers written to a file",
        "us/request",
        _cases("batch", batches.CLIENTS),
        (Claim("aurous", "openai", 4), Claim("aurous", "aiohttp")),
    ),
    Group(
        "import",
        "import and first client; of httpx the import alone",
        "ms",
        _imports(
            {
                "aurous": f"import aurous; aurous.Aurous('{KEY}')",
                "openai": f"import openai; openai.OpenAI(api_key='{KEY}')",
                "httpx": "import httpx",
            }
        ),
        (Claim("aurous", "openai", 5), Claim("aurous", "httpx", 1 / 1.3)),
        visits=4,
        warm_up=True,
    ),
    Group(
        "memory",
        "peak memory by the length of a stream in chunks",
        "MB",
        _cases("memory", ("200000", "20000", "200000 and snapshot", "20000 and snapshot")),
        # Independent of its length: ten times the chunks need no more.
        (Claim("200000", "20000", 0.95),),
    ),
    Group(
        "mock-create",
        "the mock: a completion",
        "us/create",
        _mock("create"),
        (Claim("aurous-mock", "bare ASGI"), Claim("aurous-mock", "Prism")),
    ),
    Group(
        "mock-event",
        "the mock: an event of a stream",
        "us/event",
        _mock("event"),
        (Claim("aurous-mock", "bare ASGI"),),
    ),
)


def select(prefixes: list[str]) -> tuple[Group, ...]:
    """The groups whose names have one of these prefixes; all without any. Raises LookupError for an unknown prefix."""
    for prefix in prefixes:
        if not any(group.name.startswith(prefix) for group in GROUPS):
            raise LookupError(f"no group is called {prefix}; choose from {', '.join(group.name for group in GROUPS)}")
    return tuple(group for group in GROUPS if not prefixes or group.name.startswith(tuple(prefixes)))
