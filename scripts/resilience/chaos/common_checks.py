"""Figures and checks that every chaos run reports, whether it made calls or streams."""

from __future__ import annotations

from typing import Any, Final

from resilience.chaos.chaos_run import Result
from resilience.chaos.protocol import CallOutcome, StreamOutcome
from resilience.report import Check, summarize

# Seconds that a busy machine may take to notice that a deadline has passed.
TOLERANCE: Final = 1.0


def common_figures(result: Result) -> dict[str, Any]:
    """The figures of every run."""
    return {
        "seconds": round(result.seconds, 1),
        "exchanges": result.exchanges,
        "exchanges with a fault": result.injected.total(),
        "exchanges without a server": result.outages,
        "kills (-9)": result.kills,
        "faults": dict(sorted(result.injected.items())),
    }


def common_checks(result: Result, slowest: float) -> list[Check]:
    """The checks of every run. slowest: seconds of the slowest call"""
    config = result.config
    missing = config.count - result.ended
    outcomes: list[CallOutcome | StreamOutcome] = [*result.calls.values(), *result.streams.values()]
    untyped = [f"{one.error} in {one.number} ({one.message})" for one in outcomes if not one.is_typed]
    problems = [*result.crashes, *([f"{missing} never ended"] if missing else []), *untyped]
    limit = config.timeouts.total
    tracebacks = result.log.count("Traceback")
    return [
        Check("each call ended with a result or a typed error", not problems, summarize(problems)),
        Check(
            f"each call ended within its deadline of {limit:g} s",
            slowest <= limit + TOLERANCE,
            f"the slowest took {slowest:.2f} s",
        ),
        Check(
            f"the server was killed {config.kills} times, and its log has no traceback",
            result.kills == config.kills and not tracebacks,
            f"{result.kills} times, {tracebacks} tracebacks",
        ),
    ]
