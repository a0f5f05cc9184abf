"""Judges ratios, by what is claimed and by what was committed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .groups import Claim, Group
from .stats import Series, ratio

# A ratio may lose this part of what was committed before it is a loss; noise is about half of it.
TOLERANCE = 0.2
# Beyond this the server may be what was measured.
BUSY = 0.85


class Word(StrEnum):
    OK = "ok"
    SHORT = "short"
    # Nothing is claimed of it.
    SHOWN = ""


@dataclass(frozen=True)
class Verdict:
    """What a claim has come to."""

    group: str
    claim: Claim
    ratio: float

    @property
    def word(self) -> Word:
        if self.claim.least is None:
            return Word.SHOWN
        return Word.OK if self.ratio >= self.claim.least else Word.SHORT


@dataclass(frozen=True)
class Loss:
    """A ratio that has become worse than is noise."""

    group: str
    title: str
    committed: float
    ratio: float

    def __str__(self) -> str:
        part = 1 - self.ratio / self.committed
        return f"{self.group}: {self.title} was {self.committed:.2f}x and is {self.ratio:.2f}x, a loss of {part:.0%}"


def judge(group: Group, series: Mapping[str, Series]) -> list[Verdict]:
    """The claims of a group whose cases were both measured."""
    return [
        Verdict(group.name, claim, ratio(series[claim.peer], series[claim.ours]))
        for claim in group.claims
        if claim.peer in series and claim.ours in series
    ]


def losses(verdicts: Iterable[Verdict], committed: Mapping[str, Mapping[str, float]]) -> Iterator[Loss]:
    """The ratios that have lost more than the tolerance since they were committed. New ones have lost nothing."""
    for verdict in verdicts:
        before = committed.get(verdict.group, {}).get(verdict.claim.title)
        if before is not None and verdict.ratio < before * (1 - TOLERANCE):
            yield Loss(verdict.group, verdict.claim.title, before, verdict.ratio)


def busy(series: Mapping[str, Series]) -> Iterator[tuple[str, float]]:
    """The cases during which the server was so busy that it may have held them up."""
    for name, each in series.items():
        if each.server_share is not None and each.server_share > BUSY:
            yield name, each.server_share
