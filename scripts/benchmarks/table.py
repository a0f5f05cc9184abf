"""Writes a run down as plain text, one table for each group. Reckons nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .groups import Group
from .measuring import Results
from .stats import Series
from .thresholds import Verdict, busy, judge

_NAME = 34


def lines(groups: tuple[Group, ...], results: Results) -> Iterator[str]:
    """The whole of it."""
    for group in groups:
        series = results.series[group.name]
        # What the first claim calls ours is what the others are compared with.
        ours = group.claims[0].ours
        verdicts = judge(group, series)
        yield ""
        yield group.title
        yield _head(group)
        for case in group.cases:
            place = (group.name, case.name)
            if case.name in series:
                own = [each for each in verdicts if each.claim.ours == ours and each.claim.peer == case.name]
                yield _row(group, case.name, series[case.name], own)
            elif place in results.missing:
                yield f"{case.name:{_NAME}} not measured: {results.missing[place]}"
            else:
                yield f"{case.name:{_NAME}} failed: {results.failed[place]}"
        for verdict in verdicts:
            if verdict.claim.ours != ours:
                yield f"{verdict.claim.title:{_NAME}}{'':28}{_judged(verdict)}".rstrip()
        yield from _warnings(series)


def _head(group: Group) -> str:
    rate = f"{group.unit.partition('/')[2]}s/s" if group.is_time else ""
    return f"{'':{_NAME}}{group.unit:>10}{'+-':>6}{rate:>12}{'ratio':>9}{'target':>10}".rstrip()


def _row(group: Group, name: str, series: Series, verdicts: list[Verdict]) -> str:
    rate = f"{1e6 / series.median:,.0f}" if group.is_time else ""
    start = f"{name:{_NAME}}{series.median:10.1f}{series.spread:6.0%}{rate:>12}"
    return f"{start}{''.join(map(_judged, verdicts))}".rstrip()


def _judged(verdict: Verdict) -> str:
    least = "" if verdict.claim.least is None else f">= {verdict.claim.least:.2g}x"
    return f"{verdict.ratio:8.2f}x{least:>10}  {verdict.word}"


def _warnings(series: Mapping[str, Series]) -> Iterator[str]:
    for name, share in busy(series):
        yield f"! the server was busy for {share:.0%} of the time of {name}, and may have held it up"
