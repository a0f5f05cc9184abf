"""A hostile server, case by case: what the client makes of answers that were spoilt. Brings the parts together; judges.

More than half of the cases are streams that are read without a client, most others answers that are given to clients
without a network; a few go over sockets.
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
from hypothesis import strategies as st
from resilience.report import Finding, Verdict, some

from fuzzing import differential, endless
from fuzzing.client_matrix import DEADLINE, KINDS, Client, in_process
from fuzzing.mutations import streams
from fuzzing.raw_server import hosting
from fuzzing.responses import Answer, answers, scripts

# Of a hundred cases.
_READ, _WITHOUT_NETWORK = 58, 40
# Hypothesis remembers what it has drawn: rounds are kept short.
_ROUND: Final = 2_000
_LIMITS: Final = (None, None, None, 60, 400, 3000)

# A machine may be busy; what is drawn may be large.
_UNHURRIED: Final[Any] = list(hypothesis.HealthCheck)


@dataclass
class Evidence:
    """What was seen of the client."""

    seed: int
    cases: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    unparsed: int = 0
    """Frames that were read with a stencil."""
    faults: list[str] = field(default_factory=list)
    sizes: list[tuple[str, str, int, int]] = field(default_factory=list)
    seconds: float = 0.0


def run(cases: int, seed: int, say: Callable[[str], None] = lambda _: None, *, with_sizes: bool = True) -> Evidence:
    """Give the client so many cases."""
    found, began = Evidence(seed), time.monotonic()
    read, offline = cases * _READ // 100, cases * _WITHOUT_NETWORK // 100
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")
        if with_sizes:
            found.sizes += endless.try_all()
        host = stack.enter_context(hosting())
        clients = {kind: Client(kind, host.url) for kind in KINDS}
        current: list[Answer] = []
        offline_clients = {kind: in_process(kind, lambda: _told(current[-1])) for kind in KINDS[:2]}
        for client in (*clients.values(), *offline_clients.values()):
            stack.callback(client.close)

        def read_twice(data: bytes, cuts: list[int], limit: int | None) -> None:
            found.cases["streams, read without a client"] += 1
            found.unparsed += differential.compare(data, cuts, limit)

        def ask_offline(answer: Answer, kind: str) -> None:
            found.cases[f"answers without a network, {kind}"] += 1
            current[:] = [answer]
            found.endings[offline_clients[kind].ask(answer.operation)] += 1

        def ask(case: tuple[str, Any], kind: str) -> None:
            found.cases[f"answers over sockets, {kind}"] += 1
            host.script = case[1]
            try:
                found.endings[clients[kind].ask(case[0])] += 1
            finally:
                host.release()

        cuts = st.lists(st.integers(0, 2**16), max_size=6)
        _draw(found, read, seed, say, read_twice, streams(), cuts, st.sampled_from(_LIMITS))
        _draw(found, offline, seed, say, ask_offline, answers(), st.sampled_from(KINDS[:2]))
        _draw(found, cases - read - offline, seed, say, ask, scripts(), st.sampled_from(KINDS))
    found.seconds = time.monotonic() - began
    return found


def _draw(
    found: Evidence, cases: int, seed: int, say: Callable[[str], None], check: Callable[..., None], *what: Any
) -> None:
    """Check so many drawn cases, in rounds. The smallest case that shows a fault is kept, and ends its round."""
    for round_ in range(-(-cases // _ROUND)):

        @hypothesis.seed(seed + round_)
        @hypothesis.settings(
            max_examples=min(_ROUND, cases - round_ * _ROUND),
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=_UNHURRIED,
        )
        @hypothesis.given(st.tuples(*what))
        def each(drawn: Any) -> None:
            check(*drawn)

        try:
            each()
        except Exception as error:
            found.faults.append(_shown(error))
        say(f"{found.cases.total():,} cases; {len(found.faults)} faults")


def _shown(error: Exception) -> str:
    """What went wrong, where, and with what case."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    notes = " ".join(getattr(error, "__notes__", ()))
    told = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno}) {notes}"
    return " ".join(told.split())[:2000]


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


def _told(answer: Answer) -> tuple[int, Any, Any]:
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    return answer.status, headers, _Body(answer.body)


def judge(found: Evidence) -> Verdict:
    """Whether the client took it all."""
    over = [told for told, _, beyond, _ in found.sizes if beyond > endless.MIB]
    high = [f"{told} ({most // endless.MIB} MiB)" for told, _, _, most in found.sizes if most > endless.MOST]
    figures: dict[str, Any] = {
        "seconds": round(found.seconds, 1),
        "cases": dict(sorted(found.cases.items())),
        "frames read with a stencil": found.unparsed,
        "calls and streams ended": dict(found.endings.most_common()),
    }
    for told, ended, _, most in found.sizes:
        figures[told] = f"{ended}, {most / endless.MIB:.1f} MiB at most"
    return Verdict(
        f"{found.cases.total():,} cases of a hostile server, seed {found.seed}",
        figures,
        [
            Finding(
                f"each ended with a valid result or an AurousError, within its deadline of {DEADLINE:g} s, and each "
                "stream was read as its frames parse",
                not found.faults,
                some(found.faults),
            ),
            Finding("nothing was read beyond its limit", not over, some(over)),
            Finding(f"no answer took more than {endless.MOST // endless.MIB} MiB", not high, some(high)),
        ],
    )
