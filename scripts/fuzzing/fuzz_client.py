"""Fuzzes the client with mutated responses.

More than half of the cases are streams given to the parser alone, most others responses given to clients without a
network; a few go over sockets.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import hypothesis
from client_kinds import KINDS
from hypothesis import strategies as st
from resilience.report import Check, RunReport, summarize
from testkit.raw_server import run_raw_server

from fuzzing import differential, endless
from fuzzing.checked_client import DEADLINE, CheckedClient, in_process
from fuzzing.mutations import streams
from fuzzing.responses import Response, responses, scripted_responses

# Of a hundred cases.
_READ, _WITHOUT_NETWORK = 58, 40
# Hypothesis keeps what it has drawn in memory, so rounds are short.
_ROUND: Final = 2_000
_LIMITS: Final = (None, None, None, 60, 400, 3000)

# The machine may be busy, and examples may be large.
_NO_HEALTH_CHECKS: Final[Any] = list(hypothesis.HealthCheck)


@dataclass
class Result:
    """What the run observed."""

    seed: int
    cases: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    templated: int = 0
    """Chunks read by a template."""
    faults: list[str] = field(default_factory=list)
    endless_bodies: list[tuple[str, str, int, int]] = field(default_factory=list)
    seconds: float = 0.0


def run(
    cases: int, seed: int, on_progress: Callable[[str], None] = lambda _: None, *, with_sizes: bool = True
) -> Result:
    """Run a number of cases."""
    result, began = Result(seed), time.monotonic()
    read, offline = cases * _READ // 100, cases * _WITHOUT_NETWORK // 100
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")
        if with_sizes:
            result.endless_bodies += endless.run_all()
        raw_server = stack.enter_context(run_raw_server())
        clients = {kind: CheckedClient(kind, raw_server.url) for kind in KINDS}
        current: list[Response] = []
        offline_clients = {kind: in_process(kind, lambda: _as_httpx(current[-1])) for kind in KINDS[:2]}
        for client in (*clients.values(), *offline_clients.values()):
            stack.callback(client.close)

        def read_twice(data: bytes, cuts: list[int], limit: int | None) -> None:
            result.cases["streams, parser alone"] += 1
            result.templated += differential.compare(data, cuts, limit)

        def ask_offline(response: Response, kind: str) -> None:
            result.cases[f"responses in process, {kind}"] += 1
            current[:] = [response]
            result.endings[offline_clients[kind].ask(response.operation)] += 1

        def call(case: tuple[str, Any], kind: str) -> None:
            result.cases[f"responses over sockets, {kind}"] += 1
            raw_server.plays(case[1])
            result.endings[clients[kind].ask(case[0])] += 1

        cuts = st.lists(st.integers(0, 2**16), max_size=6)
        _draw_cases(result, read, seed, on_progress, read_twice, streams(), cuts, st.sampled_from(_LIMITS))
        _draw_cases(result, offline, seed, on_progress, ask_offline, responses(), st.sampled_from(KINDS[:2]))
        _draw_cases(
            result, cases - read - offline, seed, on_progress, call, scripted_responses(), st.sampled_from(KINDS)
        )
    result.seconds = time.monotonic() - began
    return result


def _draw_cases(
    result: Result, cases: int, seed: int, on_progress: Callable[[str], None], check: Callable[..., None], *what: Any
) -> None:
    """Draw and check a number of cases, in rounds. A failure ends its round, with the smallest case that shows it."""
    for round_ in range(-(-cases // _ROUND)):

        @hypothesis.seed(seed + round_)
        @hypothesis.settings(
            max_examples=min(_ROUND, cases - round_ * _ROUND),
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=_NO_HEALTH_CHECKS,
        )
        @hypothesis.given(st.tuples(*what))
        def each(drawn: Any) -> None:
            check(*drawn)

        try:
            each()
        except Exception as error:
            result.faults.append(_describe(error))
        on_progress(f"{result.cases.total():,} cases; {len(result.faults)} faults")


def _describe(error: Exception) -> str:
    """The error, its place and its case."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    notes = " ".join(getattr(error, "__notes__", ()))
    label = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno}) {notes}"
    return " ".join(label.split())[:2000]


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in a few pieces."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        size = len(self._data) // 3 + 1
        return (self._data[place : place + size] for place in range(0, len(self._data), size))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def _as_httpx(response: Response) -> tuple[int, Any, Any]:
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in response.headers]
    return response.status, headers, _Body(response.body)


def evaluate(result: Result) -> RunReport:
    """Check that the client withstood every case."""
    over = [label for label, _, excess, _ in result.endless_bodies if excess > endless.MIB]
    high = [
        f"{label} ({most // endless.MIB} MiB)"
        for label, _, _, most in result.endless_bodies
        if most > endless.MAX_MEMORY
    ]
    figures: dict[str, Any] = {
        "seconds": round(result.seconds, 1),
        "cases": dict(sorted(result.cases.items())),
        "chunks read by a template": result.templated,
        "endings": dict(result.endings.most_common()),
    }
    for label, ended, _, most in result.endless_bodies:
        figures[label] = f"{ended}, {most / endless.MIB:.1f} MiB peak"
    return RunReport(
        f"{result.cases.total():,} cases of hostile responses, seed {result.seed}",
        figures,
        [
            Check(
                f"each case ended with a valid result or an AurousError within {DEADLINE:g} s, and each stream was "
                "read as its frames parse",
                not result.faults,
                summarize(result.faults),
            ),
            Check("nothing was read beyond its limit", not over, summarize(over)),
            Check(f"no response took more than {endless.MAX_MEMORY // endless.MIB} MiB", not high, summarize(high)),
        ],
    )
