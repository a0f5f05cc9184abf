"""The limit on what a run may spend: credits are reserved before a call and replaced by its charge after it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.violations import not_tested

CREDITS_PER_MILLION = 1_000_000
# Credits that a call counts as until its receipt is there, and without one, where only the server knows its price.
UNKNOWN_PRICE = 1.0


@dataclass(frozen=True)
class Rates:
    """Credits for a million tokens; the documented ones until the server has listed its own."""

    input: float = 75
    output: float = 450

    def ceiling(self, body: Any, longest_output: int = 4096) -> float:
        """The most that a request may cost: every four bytes of it a token, and all the output it allows.

        No question of the suite asks for an answer of more than `longest_output` tokens, whatever it allows. A limit
        that is no number above 0 is refused, which costs nothing.
        """
        tokens = body.get("max_tokens") if isinstance(body, dict) else 0
        if tokens is None:
            tokens = longest_output
        output = min(tokens, longest_output) if isinstance(tokens, int | float) and tokens > 0 else 0
        return (len(str(body)) / 4 * self.input + output * self.output) / CREDITS_PER_MILLION


@dataclass
class Charge:
    """The charge of one call in credits, once it is known; None if its receipt is not plausible."""

    credits: float | None = 0.0


@dataclass
class SpendLimit:
    """Counts receipts against a limit; without a limit it only counts. Safe to use from several threads."""

    limit: float | None = None
    spent: float = 0.0
    calls: int = 0
    _held: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def reserve(self, ceiling: float | None) -> Iterator[Charge]:
        """Reserve the most that a call may cost, and replace it by its charge when the block ends.

        A ceiling of None is a call that costs nothing in any case. A charge that is no finite number, or is negative,
        counts as the ceiling. Raises NotTested if less than the ceiling is left; a ceiling that turns out too low can
        overrun the limit by one call at most.
        """
        charge = Charge()
        if ceiling is None:
            yield charge
            return
        self._hold(ceiling)
        try:
            yield charge
        finally:
            with self._lock:
                amount = ceiling if charge.credits is None or not is_charge(charge.credits) else charge.credits
                self._held -= ceiling
                self.spent += amount
                self.calls += amount > 0

    def _hold(self, ceiling: float) -> None:
        with self._lock:
            if self.limit is not None and self.spent + self._held + ceiling > self.limit:
                not_tested(
                    f"budget: {self.spent:.4f} of {self.limit:g} credits are spent and this call may cost "
                    f"{ceiling:.4f}; raise --max-credits"
                )
            self._held += ceiling


def is_charge(value: float) -> bool:
    """Whether a number can be an amount of credits that was charged."""
    return math.isfinite(value) and value >= 0
