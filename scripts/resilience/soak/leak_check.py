"""Decides from the samples of a soak whether a process leaks.

The first quarter of a soak is its warm-up. A quantity is level if, in the last half, (1) it never exceeds the maximum
of the second quarter by more than the allowance, and (2) a least-squares line through it rises by less than the
allowance from end to end.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from resilience.report import Check, RunReport, summarize
from resilience.soak.process_metrics import Sample
from resilience.soak.soak_run import Result


class Quantity(NamedTuple):
    """A quantity that has to stay level, within an allowance: a share of it, or an absolute minimum."""

    name: str
    unit: str
    of: Callable[[Sample], float]
    share: float
    least: float

    def allowance(self, most: float) -> float:
        return max(most * self.share, self.least)


QUANTITIES: Final = (
    # asyncio allocates 256 KiB for each read and frees most of it, and glibc keeps small pieces in the thread's cache:
    # the heap grows for hours, ever more slowly, while the number of objects stays the same. With
    # GLIBC_TUNABLES=glibc.malloc.tcache_count=0 it does not grow.
    Quantity("memory", "MiB", lambda sample: sample.memory, 0.05, 4.0),
    # Workers do different things at any moment, and lost connections are replaced.
    Quantity("descriptors", "", lambda sample: sample.descriptors, 0.1, 16.0),
    Quantity("sockets", "", lambda sample: sample.connections, 0.1, 16.0),
    Quantity("half-closed sockets", "", lambda sample: sample.half_closed, 0.0, 8.0),
    Quantity("threads", "", lambda sample: sample.threads, 0.0, 4.0),
)
# Fewer samples give no reliable slope.
_MIN_SAMPLES: Final = 5


class Trend(NamedTuple):
    """How a quantity developed, in its unit."""

    before: float
    """Maximum of the second quarter."""
    after: float
    """Maximum of the last half."""
    rise: float
    """Rise of the line through the last half, from end to end."""
    allowance: float

    @property
    def is_level(self) -> bool:
        return self.after <= self.before + self.allowance and self.rise <= self.allowance


def trend(quantity: Quantity, samples: list[Sample], seconds: float) -> Trend | None:
    """How a quantity developed; None if there are too few samples."""
    second = [quantity.of(one) for one in samples if seconds / 4 <= one.at < seconds / 2]
    last = [one for one in samples if one.at >= seconds / 2]
    if len(second) < _MIN_SAMPLES or len(last) < _MIN_SAMPLES:
        return None
    values = [quantity.of(one) for one in last]
    slope, _ = statistics.linear_regression([one.at for one in last], values)
    return Trend(max(second), max(values), slope * (last[-1].at - last[0].at), quantity.allowance(max(second)))


def evaluate(result: Result) -> RunReport:
    """Check that every quantity stayed level and every exchange ended properly."""
    config, progress = result.config, result.progress
    untyped = [f"{error} ({count})" for error, count in progress.untyped.items()] if progress else []
    open_connections = result.closed.connections if result.closed else None
    tracebacks = result.log.count("Traceback")
    problems = [*result.crashes, *untyped, *([] if progress else ["no progress was reported"])]
    return RunReport(
        f"{config.concurrency} streams and calls at once for {config.seconds / 60:.3g} minutes, seed {config.seed}",
        _figures(result),
        [
            Check("each exchange ended with a result or a typed error", not problems, summarize(problems)),
            Check("the server's log has no traceback", not tracebacks, f"{tracebacks} tracebacks"),
            *(_check(name, quantity, result) for name in result.samples for quantity in QUANTITIES),
            Check("closed clients hold no connection", open_connections == 0, f"{open_connections} left open"),
        ],
    )


def _check(name: str, quantity: Quantity, result: Result) -> Check:
    claim = f"level: {quantity.name} of the {name}'s process"
    trend_ = trend(quantity, result.samples[name], result.config.seconds)
    if trend_ is None:
        return Check(claim, passed=False, detail="too few samples; use more --minutes")
    unit = f" {quantity.unit}" if quantity.unit else ""
    detail = (
        f"maximum {trend_.before:.4g}{unit} in the second quarter and {trend_.after:.4g}{unit} in the last half, "
        f"trend {trend_.rise:+.2g} ({trend_.allowance:.3g} allowed)"
    )
    return Check(claim, trend_.is_level, detail)


def _figures(result: Result) -> dict[str, Any]:
    progress, figures = result.progress, dict[str, Any]()
    if progress:
        figures["exchanges"] = sum(progress.endings.values())
        figures["chunks received"] = progress.events
        figures["credits"] = str(progress.credits)
        figures["unsettled"] = len(result.unsettled)
        figures["endings"] = dict(sorted(progress.endings.items()))
    for name, samples in result.samples.items():
        if samples:
            spent, span = samples[-1].cpu - samples[0].cpu, max(samples[-1].at - samples[0].at, 1.0)
            figures[f"{name}: samples"] = len(samples)
            figures[f"{name}: CPU share"] = round(spent / span, 3)
            figures[f"{name}: MiB first, last"] = f"{samples[0].memory:.1f}, {samples[-1].memory:.1f}"
            states = sorted({state for one in samples for state in one.sockets})
            figures[f"{name}: sockets, maximum"] = {
                state: max(one.sockets.get(state, 0) for one in samples) for state in states
            }
    return figures


def as_json(result: Result, report: RunReport) -> bytes:
    """The report and every sample as a JSON document."""
    trend_ = {
        **msgspec.to_builtins(report),
        "passed": report.passed,
        "samples": msgspec.to_builtins(result.samples),
    }
    return msgspec.json.format(msgspec.json.encode(trend_), indent=1) + b"\n"
