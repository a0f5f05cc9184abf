"""Reckons: medians, how far figures are spread, and ratios of what was measured in one run. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """What one visit of a case gave: a figure in the unit of its group, and how busy the server was, 0 to 1."""

    figure: float
    server_share: float | None = None

    @classmethod
    def of(cls, told: dict[str, Any]) -> Sample:
        """From what the process of a case has printed."""
        return cls(told["figure"], told.get("server_share"))


@dataclass(frozen=True)
class Series:
    """All samples of a case, in the order of their visits."""

    samples: tuple[Sample, ...]

    @property
    def median(self) -> float:
        return statistics.median(sample.figure for sample in self.samples)

    @property
    def spread(self) -> float:
        """Half the width of the middle half of the figures, as a part of their median."""
        if len(self.samples) < 2:
            return 0.0
        low, _, high = statistics.quantiles((sample.figure for sample in self.samples), n=4, method="inclusive")
        return (high - low) / 2 / self.median

    @property
    def server_share(self) -> float | None:
        """The median of how busy the server was; None where it is not the server of this package."""
        shares = [sample.server_share for sample in self.samples if sample.server_share is not None]
        return statistics.median(shares) if shares else None


def ratio(peer: Series, ours: Series) -> float:
    """How many times as much the peer has cost: the median over visits, each against ours of the same round.

    On a machine that is slower for a while, both figures of a round are, and their ratio is not.
    """
    return statistics.median(_ratios(peer.samples, ours.samples))


def _ratios(peer: Sequence[Sample], ours: Sequence[Sample]) -> list[float]:
    return [theirs.figure / mine.figure for theirs, mine in zip(peer, ours, strict=True)]
