"""The state of a token bucket, how it refills and what the rate-limit headers report of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimitInfo:
    """The rate-limit headers: limit, remaining, and the Unix second at which the bucket is full again."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class BucketState:
    """How full a bucket was at a time. It refills within a minute, and can be below zero."""

    amount: float
    at: float

    def refilled(self, limit: int, now: float, per_minute: int | None = None) -> "BucketState":
        per_minute = per_minute or limit
        return BucketState(min(limit, self.amount + (now - self.at) * per_minute / 60), now)

    def info(self, limit: int, per_minute: int | None = None) -> RateLimitInfo:
        full_in = (limit - self.amount) * 60 / (per_minute or limit)
        return RateLimitInfo(limit, max(0, math.floor(self.amount)), math.ceil(self.at + full_in))


Change = Callable[[BucketState | None], BucketState]


def take_tokens(
    state: BucketState | None, amount: int, limit: int, now: float, per_minute: int | None = None
) -> tuple[BucketState, float]:
    """The state with `amount` taken and 0.0; or unchanged, and the seconds until there is enough."""
    state = BucketState(limit, now) if state is None else state.refilled(limit, now, per_minute)
    # More than the limit is allowed when the bucket is full.
    missing = min(amount, limit) - state.amount
    if missing > 0:
        return state, missing * 60 / (per_minute or limit)
    return BucketState(state.amount - amount, now), 0.0
