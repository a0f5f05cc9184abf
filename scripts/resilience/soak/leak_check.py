"""Says whether what was held stayed flat once it was warm. Judges samples; takes none.

The first quarter of a soak is its warm-up. Flat is what, in the last half, (1) is never above the most of the second
quarter and its allowance, and (2) has a line through it, by least squares, that rises by less than the allowance from
its beginning to its end.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from resilience.report import Finding, Verdict, some
from resilience.soak.process_metrics import Sample
from resilience.soak.soak_run import Evidence


class Quantity(NamedTuple):
    """Something that is to stay flat. It may vary by a share of what it was, and by so much in any case."""

    name: str
    unit: str
    of: Callable[[Sample], float]
    share: float
    least: float

    def allowance(self, most: float) -> float:
        return max(most * self.share, self.least)


QUANTITIES: Final = (
    # Every synchronous read sets 64 KiB aside and gives most of it back, in whose place glibc leaves small pieces in
    # the thread's cache: its heap creeps for hours, ever more slowly, around objects that do not become more. With
    # GLIBC_TUNABLES=glibc.malloc.tcache_count=0 it does not.
    Quantity("memory", "MiB", lambda sample: sample.memory, 0.05, 4.0),
    # Lanes are not always at the same errands, and connections that were lost are replaced.
    Quantity("descriptors", "", lambda sample: sample.descriptors, 0.1, 16.0),
    Quantity("sockets", "", lambda sample: sample.connections, 0.1, 16.0),
    Quantity("half-closed sockets", "", lambda sample: sample.half_closed, 0.0, 8.0),
    Quantity("threads", "", lambda sample: sample.threads, 0.0, 4.0),
)
# Fewer say nothing of a slope.
_FEWEST: Final = 5


class Course(NamedTuple):
    """How a quantity went, in its unit."""

    before: float
    """The most of the second quarter."""
    after: float
    """The most of the last half."""
    rise: float
    """Of the line through the last half, from its beginning to its end."""
    allowance: float

    @property
    def is_flat(self) -> bool:
        return self.after <= self.before + self.allowance and self.rise <= self.allowance


def course(quantity: Quantity, samples: list[Sample], seconds: float) -> Course | None:
    """How a quantity went; None where too little was seen to tell."""
    second = [quantity.of(one) for one in samples if seconds / 4 <= one.at < seconds / 2]
    last = [one for one in samples if one.at >= seconds / 2]
    if len(second) < _FEWEST or len(last) < _FEWEST:
        return None
    values = [quantity.of(one) for one in last]
    slope, _ = statistics.linear_regression([one.at for one in last], values)
    return Course(max(second), max(values), slope * (last[-1].at - last[0].at), quantity.allowance(max(second)))


def judge(evidence: Evidence) -> Verdict:
    """Whether all stayed flat, and all went well besides."""
    terms, tally = evidence.terms, evidence.tally
    untyped = [f"{error} ({count})" for error, count in tally.untyped.items()] if tally else []
    left = evidence.closed.connections if evidence.closed else None
    traces = evidence.log.count("Traceback")
    said = [*evidence.crashes, *untyped, *([] if tally else ["nothing was told"])]
    return Verdict(
        f"{terms.at_once} streams and calls at once for {terms.seconds / 60:.3g} minutes, seed {terms.seed}",
        _figures(evidence),
        [
            Finding("each exchange ended well or in a typed error", not said, some(said)),
            Finding("the server's log has no traceback", not traces, f"{traces} tracebacks"),
            *(_finding(name, quantity, evidence) for name in evidence.samples for quantity in QUANTITIES),
            Finding("closed, the clients hold no connection", left == 0, f"{left} are left"),
        ],
    )


def _finding(name: str, quantity: Quantity, evidence: Evidence) -> Finding:
    claim = f"flat: {quantity.name} of the {name}'s process"
    found = course(quantity, evidence.samples[name], evidence.terms.seconds)
    if found is None:
        return Finding(claim, holds=False, detail="too few samples to tell; take more minutes")
    unit = f" {quantity.unit}" if quantity.unit else ""
    detail = (
        f"at most {found.before:.4g}{unit} in the second quarter, {found.after:.4g}{unit} in the last half, "
        f"which rises by {found.rise:+.2g} ({found.allowance:.3g} allowed)"
    )
    return Finding(claim, found.is_flat, detail)


def _figures(evidence: Evidence) -> dict[str, Any]:
    tally, figures = evidence.tally, dict[str, Any]()
    if tally:
        figures["exchanges"] = sum(tally.endings.values())
        figures["chunks of streams"] = tally.events
        figures["credits"] = str(tally.credits)
        figures["price not known"] = len(evidence.unsettled)
        figures["ended"] = dict(sorted(tally.endings.items()))
    for name, samples in evidence.samples.items():
        if samples:
            spent, span = samples[-1].cpu - samples[0].cpu, max(samples[-1].at - samples[0].at, 1.0)
            figures[f"{name}: samples"] = len(samples)
            figures[f"{name}: share of a core"] = round(spent / span, 3)
            figures[f"{name}: MiB at first, at last"] = f"{samples[0].memory:.1f}, {samples[-1].memory:.1f}"
            states = sorted({state for one in samples for state in one.sockets})
            figures[f"{name}: sockets, at most"] = {
                state: max(one.sockets.get(state, 0) for one in samples) for state in states
            }
    return figures


def as_json(evidence: Evidence, verdict: Verdict) -> bytes:
    """The verdict and every sample, as a document."""
    found = {
        **msgspec.to_builtins(verdict),
        "is_good": verdict.is_good,
        "samples": msgspec.to_builtins(evidence.samples),
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
