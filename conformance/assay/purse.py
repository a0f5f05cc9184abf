"""Owns the counting of credits: what was spent, what may still be; knows no HTTP and no rule."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from assay.breaches import unseen

CREDITS_PER_MILLION = 1_000_000


@dataclass(frozen=True)
class Rates:
    """Credits for a million tokens; the documented ones until a server has told its own."""

    input: float = 75
    output: float = 450

    def ceiling(self, body: Any, unlimited_output: int = 4096) -> float:
        """The most that a request may cost: every four bytes of it a token, and all the output it allows."""
        tokens = body.get("max_tokens", unlimited_output) if isinstance(body, dict) else 0
        output = tokens if isinstance(tokens, int | float) else unlimited_output
        return (len(str(body)) / 4 * self.input + output * self.output) / CREDITS_PER_MILLION


@dataclass
class Purse:
    """Counts receipts against a limit; without a limit it only counts. Safe to use from several threads."""

    limit: float | None = None
    spent: float = 0.0
    calls: int = 0
    _held: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, ceiling: float) -> None:
        """Set aside what a call may cost at most; leaves the rule unseen if the purse does not hold that much."""
        with self._lock:
            if self.limit is not None and self.spent + self._held + ceiling > self.limit:
                unseen(
                    f"budget: {self.spent:.4f} of {self.limit:g} credits are spent and this call may cost "
                    f"{ceiling:.4f}; raise --max-credits"
                )
            self._held += ceiling

    def settle(self, ceiling: float, charged: float) -> None:
        """Replace what was set aside by what the receipt says."""
        with self._lock:
            self._held -= ceiling
            self.spent += charged
            self.calls += charged > 0
