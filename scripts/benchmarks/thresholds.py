"""Compares ratios with their targets and with the committed record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .groups import Claim, Group
from .stats import Series, ratio

# A ratio may fall by this share before it counts as a regression; noise is about half of it.
TOLERANCE = 0.2
# Above this CPU share the server may be the bottleneck.
SATURATED = 0.85


class Status(StrEnum):
    OK = "ok"
    SHORT = "short"
    # A ratio without a target.
    SHOWN = ""


@dataclass(frozen=True)
class ClaimResult:
    """The measured ratio of a claim."""

    group: str
    claim: Claim
    ratio: float

    @property
    def status(self) -> Status:
        if self.claim.least is None:
            return Status.SHOWN
        return Status.OK if self.ratio >= self.claim.least else Status.SHORT


@dataclass(frozen=True)
class Regression:
    """A ratio that is worse than the committed one by more than noise."""

    group: str
    title: str
    committed: float
    ratio: float

    def __str__(self) -> str:
        part = 1 - self.ratio / self.committed
        return f"{self.group}: {self.title} was {self.committed:.2f}x and is {self.ratio:.2f}x, {part:.0%} worse"


def evaluate(group: Group, series: Mapping[str, Series]) -> list[ClaimResult]:
    """The claims of a group for which both cases were measured."""
    return [
        ClaimResult(group.name, claim, ratio(series[claim.peer], series[claim.ours]))
        for claim in group.claims
        if claim.peer in series and claim.ours in series
    ]


def regressions(outcomes: Iterable[ClaimResult], committed: Mapping[str, Mapping[str, float]]) -> Iterator[Regression]:
    """The ratios that are worse than the committed ones by more than the tolerance; new ones are ignored."""
    for outcome in outcomes:
        before = committed.get(outcome.group, {}).get(outcome.claim.title)
        if before is not None and outcome.ratio < before * (1 - TOLERANCE):
            yield Regression(outcome.group, outcome.claim.title, before, outcome.ratio)


def saturated(series: Mapping[str, Series]) -> Iterator[tuple[str, float]]:
    """The cases in which the server may have been the bottleneck."""
    for name, each in series.items():
        if each.server_share is not None and each.server_share > SATURATED:
            yield name, each.server_share
