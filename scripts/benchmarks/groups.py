"""The catalogue: which cases there are, how each is started, and what is claimed of them. Measures nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from . import async_streams, calls, mock, streams
from .payloads import KEY


@dataclass(frozen=True)
class Case:
    """Work to be measured, as a command that prints it as a line of JSON; `{url}` in it is the server's."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """The peer's cost over ours, and how much it must be at least; None where it is shown and nothing is promised."""

    ours: str
    peer: str
    least: float | None = None

    @property
    def title(self) -> str:
        return f"{self.peer} / {self.ours}"


@dataclass(frozen=True)
class Group:
    """Cases that do the same. `unit` is of their figures; `visits` is how often a round comes by; what is `rehearsed`
    is done once before, for the files that it leaves behind.
    """

    name: str
    title: str
    unit: str
    cases: tuple[Case, ...]
    claims: tuple[Claim, ...]
    visits: int = 1
    rehearsed: bool = False

    @property
    def is_time(self) -> bool:
        """Whether figures are microseconds of CPU, so that a core has so many units in a second."""
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


_FANNED = ("aurous", "openai", "httpx-sse", "raw asyncio")

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
    Group(
        "fan-out",
        "256 async streams at once, 100 events each, full speed",
        "us/event",
        _cases("fan-out", _FANNED),
        (
            Claim("aurous", "openai", 12),
            Claim("aurous", "httpx-sse", 2.5),
            Claim("aurous", "raw asyncio"),
        ),
    ),
    Group(
        "fan-out-paced",
        "256 async streams at once, 100 events each, one every 50 ms",
        "us/event",
        _cases("fan-out-paced", _FANNED),
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
        (Claim("aurous", "openai", 2.2), Claim("aurous", "httpx", 0.9)),
    ),
    Group(
        "async-call",
        "call, async, 64 in flight",
        "us/call",
        _cases("async-call", calls.ASYNC_CLIENTS),
        (Claim("aurous", "openai", 4.5), Claim("aurous", "httpx", 5)),
    ),
    Group(
        "import",
        "import, with a client made; of httpx the import alone",
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
        rehearsed=True,
    ),
    Group(
        "memory",
        "memory at its highest, by the length of a stream, in chunks",
        "MB",
        _cases("memory", ("200000", "20000", "200000 and snapshot", "20000 and snapshot")),
        # Flat in its length: ten times the chunks need no more.
        (Claim("200000", "20000", 0.95),),
    ),
    Group(
        "mock-create",
        "the mock: an answer in one piece",
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


def named(beginnings: list[str]) -> tuple[Group, ...]:
    """The groups whose names begin so; all of them, if none is asked for. Raises LookupError for one that none does."""
    for beginning in beginnings:
        if not any(group.name.startswith(beginning) for group in GROUPS):
            raise LookupError(f"no group is called {beginning}; there are {', '.join(group.name for group in GROUPS)}")
    return tuple(group for group in GROUPS if not beginnings or group.name.startswith(tuple(beginnings)))
