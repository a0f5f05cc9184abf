"""Rate limits of a team as token buckets: requests and tokens per minute."""

import math
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from aurous_mock.contract.operations import RateClass
from aurous_mock.errors import APIError
from aurous_mock.storage.token_bucket import BucketState, Change, RateLimitInfo, take_tokens

# What a server without limits reports: clients must not slow down because of it.
_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request is within the limit: the headers, and the error if it is not."""

    info: RateLimitInfo
    error: APIError | None = None


class Buckets(Protocol):
    """Where the states of buckets are stored."""

    def update_bucket(self, bucket: str, change: Change) -> Awaitable[BucketState]:
        """Replace the state of a bucket by `change(state)`, atomically, and return it."""
        ...

    def now(self) -> float:
        """Seconds, by the clock of the store."""
        ...


class Limits:
    """The two buckets of each team. None: no limit"""

    def __init__(self, buckets: Buckets, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._buckets = buckets
        self._requests = requests_per_minute
        self._tokens = tokens_per_minute

    def unlimited(self) -> RateLimitInfo:
        """What is reported without a limit."""
        return RateLimitInfo(_UNLIMITED, _UNLIMITED - 1, int(self._buckets.now()))

    async def admit_request(self, team: str, rate_class: RateClass | None = None) -> Admission:
        """Count one request, if the limit allows it. rate_class: has a bucket of its own"""
        if rate_class is not None:
            bucket = f"requests {team} {rate_class.name}"
            info, wait = await self._take(bucket, 1, rate_class.burst, rate_class.per_minute)
        elif self._requests is not None:
            info, wait = await self._take(f"requests {team}", 1, self._requests)
        else:
            return Admission(self.unlimited())
        return Admission(info, _rate_limit_error("too_many_requests", "Rate limit exceeded.", wait) if wait else None)

    async def admit_tokens(self, team: str, tokens: int) -> Admission:
        """Count the tokens of a prompt, if the limit allows them."""
        if self._tokens is None:
            return Admission(self.unlimited())
        info, wait = await self._take(f"tokens {team}", tokens, self._tokens)
        message = "Tokens-per-minute limit exceeded."
        return Admission(info, _rate_limit_error("tpm_rate_limit_exceeded", message, wait) if wait else None)

    async def spend_tokens(self, team: str, tokens: int) -> None:
        """Count the tokens of an answer, below zero if necessary."""
        limit = self._tokens
        if limit is not None:
            now = self._buckets.now()

            def spend(state: BucketState | None) -> BucketState:
                state = BucketState(limit, now) if state is None else state.refilled(limit, now)
                return BucketState(state.amount - tokens, now)

            await self._buckets.update_bucket(f"tokens {team}", spend)

    async def _take(
        self, bucket: str, amount: int, limit: int, per_minute: int | None = None
    ) -> tuple[RateLimitInfo, float]:
        wait = 0.0
        now = self._buckets.now()

        def change(state: BucketState | None) -> BucketState:
            nonlocal wait
            state, wait = take_tokens(state, amount, limit, now, per_minute)
            return state

        state = await self._buckets.update_bucket(bucket, change)
        return state.info(limit, per_minute), wait


def _rate_limit_error(code: str, message: str, wait: float) -> APIError:
    seconds = max(1, math.ceil(wait))
    return APIError(code, f"{message} Retry after {seconds}s.", headers={"Retry-After": str(seconds)})
