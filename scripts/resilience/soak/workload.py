"""The random workload of a soak: streams and calls, complete, with a fault, or abandoned by the caller.

A pure function of the seed and the worker.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from aurous_mock.http.faults import HEADER

from resilience.chaos.client_driver import make_request

Kind = Literal["stream", "call", "read"]

# Of a hundred work items; the rest are complete streams.
_CALLS, _READS, _FAULTY_STREAMS, _ABANDONED_STREAMS, _FAULTY_CALLS = 18, 4, 14, 8, 6
_STREAM_FAULTS: Final = ("truncate", "reset", "malformed", "error-frame", "end", "done")
_CALL_FAULTS: Final = (
    "code=chat_provider_unavailable; times=1",
    "status=500",
    "html; times=1",
    "reset=after; times=1",
    "truncate=body; times=1",
    "code=resource_not_found",
    "malformed",
)


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One call, stream or read.

    fault:       the fault header for the mock
    leave_after: after how many chunks the caller leaves the stream
    """

    kind: Kind
    request: dict[str, Any]
    fault: str = ""
    leave_after: int | None = None
    cancels: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `create` and `stream`."""
        return {**self.request, "extra_headers": {HEADER: self.fault}}


def work_items(seed: int, worker: int, pace: float) -> Iterator[WorkItem]:
    """An endless sequence. pace: tokens per second of each completion"""
    rng = random.Random(repr((seed, worker)))  # noqa: S311
    number = worker
    while True:
        # Every prompt differs, so that none can be answered from a cache.
        yield _draw(rng, number, pace)
        number += 1000


def _draw(rng: random.Random, number: int, pace: float) -> WorkItem:
    tokens, roll = rng.randrange(4, 40), rng.randrange(100)
    request = make_request(number, tokens)
    place, pace_fault = rng.randrange(1, tokens), f"pace={pace:g}"
    if roll < _CALLS:
        return WorkItem("call", request, pace_fault)
    roll -= _CALLS
    if roll < _READS:
        return WorkItem("read", request)
    roll -= _READS
    if roll < _FAULTY_STREAMS:
        return WorkItem("stream", request, f"{pace_fault}; {rng.choice(_STREAM_FAULTS)}={place}")
    roll -= _FAULTY_STREAMS
    if roll < _ABANDONED_STREAMS:
        return WorkItem("stream", request, pace_fault, leave_after=place, cancels=rng.random() < 0.5)
    roll -= _ABANDONED_STREAMS
    if roll < _FAULTY_CALLS:
        return WorkItem("call", request, rng.choice(_CALL_FAULTS))
    return WorkItem("stream", request, pace_fault)
