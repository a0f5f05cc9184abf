"""Medians, spread and ratios of the samples of one run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One visit of a case: its figure in the unit of the group, and the CPU share of the server, 0 to 1."""

    figure: float
    server_share: float | None = None

    @classmethod
    def of(cls, output: dict[str, Any]) -> Sample:
        """From the output of a case."""
        return cls(output["figure"], output.get("server_share"))


@dataclass(frozen=True)
class Series:
    """All samples of a case in the order of its visits."""

    samples: tuple[Sample, ...]

    @property
    def median(self) -> float:
        return statistics.median(sample.figure for sample in self.samples)

    @property
    def spread(self) -> float:
        """Half the interquartile range, as a fraction of the median."""
        return _spread([sample.figure for sample in self.samples])

    @property
    def server_share(self) -> float | None:
        """The median CPU share of the server; None if it is not the server of this package."""
        shares = [sample.server_share for sample in self.samples if sample.server_share is not None]
        return statistics.median(shares) if shares else None


def ratio(peer: Series, ours: Series) -> float:
    """The ratio of the peer's cost to ours: the median of the ratios within each round.

    If the machine is slower for a while, both figures of a round are, and their ratio is not.
    """
    return statistics.median(_ratios(peer.samples, ours.samples))


def ratio_spread(peer: Series, ours: Series) -> float:
    """Half the interquartile range of the ratios of the rounds, as a fraction of their median."""
    return _spread(_ratios(peer.samples, ours.samples))


def _spread(figures: Sequence[float]) -> float:
    if len(figures) < 2:
        return 0.0
    low, _, high = statistics.quantiles(figures, n=4, method="inclusive")
    return (high - low) / 2 / statistics.median(figures)


def _ratios(peer: Sequence[Sample], ours: Sequence[Sample]) -> list[float]:
    return [theirs.figure / mine.figure for theirs, mine in zip(peer, ours, strict=True)]
