"""Token buckets and the headers that describe them."""

from __future__ import annotations

import math
import threading

from .clock import Clock


class Bucket:
    """`capacity` tokens, refilled at `per_minute`."""

    def __init__(self, clock: Clock, capacity: int, per_minute: int) -> None:
        self.clock = clock
        self.capacity = capacity
        self.per_minute = per_minute
        self._level = float(capacity)
        self._updated = clock.now()
        self._lock = threading.Lock()

    def _refill(self) -> None:
        now = self.clock.now()
        gained = (now - self._updated) * self.per_minute / 60
        self._level = min(float(self.capacity), self._level + gained)
        self._updated = now

    def take(self, amount: int = 1) -> int:
        """Take tokens; return 0, or the whole seconds until there are enough."""
        with self._lock:
            self._refill()
            if self._level < amount:
                return max(1, math.ceil((amount - self._level) * 60 / self.per_minute))
            self._level -= amount
            return 0

    def headers(self, prefix: str) -> dict[str, str]:
        """Return the limit, what is left, and the Unix second at which the bucket will be full again."""
        with self._lock:
            self._refill()
            missing = self.capacity - self._level
            return {
                f"{prefix}-Limit": str(self.capacity),
                f"{prefix}-Remaining": str(int(self._level)),
                f"{prefix}-Reset": str(math.ceil(self._updated + missing * 60 / self.per_minute)),
            }


class RateLimits:
    """The buckets of one team: requests by class of endpoint, and chat tokens.

    The class of GETs has its documented size; no page gives the sizes of the chat buckets.
    """

    def __init__(self, clock: Clock) -> None:
        self.reads = Bucket(clock, capacity=1200, per_minute=600)
        self.writes = Bucket(clock, capacity=3000, per_minute=3000)
        self.tokens = Bucket(clock, capacity=20_000_000, per_minute=20_000_000)

    def requests(self, method: str) -> Bucket:
        return self.writes if method == "POST" else self.reads
