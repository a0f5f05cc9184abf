"""Owns the counting of credits: what was spent, what may still be; knows no HTTP and no rule."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.violations import unseen

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
class Bill:
    """What one call was charged, once that is known."""

    charged: float = 0.0


@dataclass
class Purse:
    """Counts receipts against a limit; without a limit it only counts. Safe to use from several threads."""

    limit: float | None = None
    spent: float = 0.0
    calls: int = 0
    _held: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def paying(self, ceiling: float | None) -> Iterator[Bill]:
        """Set aside what a call may cost at most, and replace it by what the bill says was charged.

        A ceiling of None is a call that costs nothing in any case. Leaves the rule unseen if the purse does not hold
        so much; a ceiling that turns out too low can overrun the limit by one call, and no more.
        """
        bill = Bill()
        if ceiling is None:
            yield bill
            return
        self._hold(ceiling)
        try:
            yield bill
        finally:
            with self._lock:
                self._held -= ceiling
                self.spent += bill.charged
                self.calls += bill.charged > 0

    def _hold(self, ceiling: float) -> None:
        with self._lock:
            if self.limit is not None and self.spent + self._held + ceiling > self.limit:
                unseen(
                    f"budget: {self.spent:.4f} of {self.limit:g} credits are spent and this call may cost "
                    f"{ceiling:.4f}; raise --max-credits"
                )
            self._held += ceiling
