"""What a batch has done so far: lines, credits, tokens, and how long its calls took."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ..billing.receipts import EXACT
from ..types import Attempt, Receipt

# Each bucket of durations is this much wider than the one before.
_GROWTH: Final = 1.02
_SHORTEST: Final = 1e-4


class Durations:
    """Percentiles of durations, to one percent, in memory that does not grow with their number."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0

    def add(self, seconds: float) -> None:
        place = round(math.log(max(seconds, _SHORTEST) / _SHORTEST, _GROWTH))
        self._counts[place] = self._counts.get(place, 0) + 1
        self._total += 1

    def percentile(self, share: float) -> float | None:
        """Seconds within which this share of them ended, from 0 to 1; None without any."""
        rank, seen = math.ceil(share * self._total), 0
        for place in sorted(self._counts):
            seen += self._counts[place]
            if seen >= rank:
                return _SHORTEST * _GROWTH**place
        return None


@dataclass(kw_only=True)
class Summary:
    """The figures of one run of a batch. They grow while it runs."""

    answered: int = 0
    """Lines answered in this run, replays included."""
    failed: int = 0
    """Lines that ended in an error, invalid ones included."""
    invalid: int = 0
    """Lines from which no valid request can be made."""
    skipped: int = 0
    """Lines that have a result of an earlier run."""
    failed_before: int = 0
    """Lines that failed in an earlier run, and are not sent again."""
    replayed: int = 0
    """Lines whose answer an earlier run had paid for: it was killed while they were in flight."""
    credits: Decimal = Decimal(0)
    """Charged in this run."""
    job_credits: Decimal = Decimal(0)
    """The price of all answers of the job, also those of earlier runs, and those that are not valid."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    refusals: int = 0
    """Attempts that were refused because of a rate limit."""
    retries: int = 0
    """Attempts after the first ones, refused ones included."""
    in_flight: int = 0
    unanswered: int = 0
    """Attempts in a row, up to the last one that ended, to which there was no response."""
    seconds: float = 0.0
    durations: Durations = field(default_factory=Durations, repr=False)

    @property
    def lines(self) -> int:
        """The lines that have ended, in this run or an earlier one."""
        return self.answered + self.failed + self.skipped

    @property
    def credits_per_line(self) -> Decimal | None:
        """What this run cost for each answer that it paid for; None without any."""
        paid = self.answered - self.replayed
        return EXACT.divide(self.credits, Decimal(paid)) if paid else None

    def count_answer(self, receipt: Receipt, attempts: tuple[Attempt, ...], seconds: float) -> None:
        self.answered += 1
        if receipt.replayed:
            self.replayed += 1
        self.count_receipt(receipt)
        self.count_attempts(attempts)
        self.durations.add(seconds)

    def count_receipt(self, receipt: Receipt) -> None:
        """Count what a line cost, answered or not."""
        self.job_credits = EXACT.add(self.job_credits, receipt.credits)
        if not receipt.replayed:
            self.credits = EXACT.add(self.credits, receipt.credits)
            self.prompt_tokens += receipt.prompt_tokens
            self.completion_tokens += receipt.completion_tokens
            self.reasoning_tokens += receipt.reasoning_tokens

    def observe(self, attempt: Attempt) -> None:
        """An attempt has ended."""
        self.unanswered = self.unanswered + 1 if attempt.status_code is None else 0

    def count_attempts(self, attempts: tuple[Attempt, ...]) -> None:
        if len(attempts) > 1:
            self.retries += len(attempts) - 1
        if len(attempts) > 1 or (attempts and attempts[0].status_code == 429):
            self.refusals += sum(attempt.status_code == 429 for attempt in attempts)

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON has them; credits as strings, to the digit."""
        each = self.credits_per_line
        return {
            "lines": self.lines,
            "answered": self.answered,
            "failed": self.failed,
            "invalid": self.invalid,
            "skipped": self.skipped,
            "failed_before": self.failed_before,
            "replayed": self.replayed,
            "credits": f"{self.credits:f}",
            "job_credits": f"{self.job_credits:f}",
            "credits_per_line": None if each is None else f"{each:.6f}",
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "p50_seconds": _rounded(self.durations.percentile(0.5)),
            "p99_seconds": _rounded(self.durations.percentile(0.99)),
            "refusals": self.refusals,
            "retries": self.retries,
            "seconds": round(self.seconds, 3),
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
