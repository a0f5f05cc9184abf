"""A team's credits, counted in whole micro-credits so that every sum is exact."""

from __future__ import annotations

import threading

MICRO = 1_000_000


class InsufficientCreditsError(Exception):
    """The available credits do not cover a hold. Both amounts are in micro-credits."""

    def __init__(self, available: int, required: int) -> None:
        super().__init__(f"{available} < {required}")
        self.available = available
        self.required = required


def as_credits(micro: int) -> float | int:
    """Return micro-credits as the number of credits that JSON shows."""
    return micro // MICRO if micro % MICRO == 0 else micro / MICRO


class Ledger:
    """Credits and holds of one team; every method is atomic."""

    def __init__(self, credits: int) -> None:
        self.credits = credits
        self.holds: dict[str, int] = {}
        self.lock = threading.Lock()

    def hold(self, completion_id: str, amount: int) -> None:
        """Set `amount` aside for a completion; InsufficientCreditsError if less is available."""
        with self.lock:
            available = self.credits - sum(self.holds.values())
            if available < amount:
                raise InsufficientCreditsError(available, amount)
            self.holds[completion_id] = amount

    def settle(self, completion_id: str, charge: int) -> None:
        """Replace a completion's hold by its charge."""
        with self.lock:
            self.holds.pop(completion_id, None)
            self.credits -= charge

    def release(self, completion_id: str) -> None:
        """Release a hold without a charge."""
        with self.lock:
            self.holds.pop(completion_id, None)

    def balance(self) -> dict[str, object]:
        """Return the body of GET /v1/balance."""
        with self.lock:
            held = sum(self.holds.values())
            return {
                "credits": as_credits(self.credits),
                "held_credits": as_credits(held),
                "available_credits": as_credits(self.credits - held),
                "currency": "credit",
                "billing_mode": "metered",
            }
