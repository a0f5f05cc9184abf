"""The results of a run as plain text, one table for each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .groups import Group
from .measurement import Results
from .stats import Series
from .thresholds import ClaimResult, evaluate, saturated

_NAME = 34


def lines(groups: tuple[Group, ...], results: Results) -> Iterator[str]:
    """All lines of the tables."""
    for group in groups:
        series = results.series[group.name]
        # The others are compared with the first claim's `ours`.
        ours = group.claims[0].ours
        outcomes = evaluate(group, series)
        yield ""
        yield group.title
        yield _head(group)
        for case in group.cases:
            place = (group.name, case.name)
            if case.name in series:
                own = [each for each in outcomes if each.claim.ours == ours and each.claim.peer == case.name]
                yield _row(group, case.name, series[case.name], own)
            elif place in results.missing:
                yield f"{case.name:{_NAME}} not measured: {results.missing[place]}"
            else:
                yield f"{case.name:{_NAME}} failed: {results.failed[place]}"
        for outcome in outcomes:
            if outcome.claim.ours != ours:
                yield f"{outcome.claim.title:{_NAME}}{'':28}{_format_claim(outcome)}".rstrip()
        yield from _warnings(series)


def _head(group: Group) -> str:
    rate = f"{group.unit.partition('/')[2]}s/s" if group.is_time else ""
    return f"{'':{_NAME}}{group.unit:>10}{'+-':>6}{rate:>12}{'ratio':>9}{'target':>10}".rstrip()


def _row(group: Group, name: str, series: Series, outcomes: list[ClaimResult]) -> str:
    rate = f"{1e6 / series.median:,.0f}" if group.is_time else ""
    start = f"{name:{_NAME}}{series.median:10.1f}{series.spread:6.0%}{rate:>12}"
    return f"{start}{''.join(map(_format_claim, outcomes))}".rstrip()


def _format_claim(outcome: ClaimResult) -> str:
    least = "" if outcome.claim.least is None else f">= {outcome.claim.least:.2g}x"
    return f"{outcome.ratio:8.2f}x{least:>10}  {outcome.status}"


def _warnings(series: Mapping[str, Series]) -> Iterator[str]:
    for name, share in saturated(series):
        yield f"! the server was busy for {share:.0%} of the time of {name}, and may have been the bottleneck"
