"""Keeps what a team may still spend this minute, in requests and tokens; stores no bucket and knows no request."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aurous_mock.http.errors import Refused

# What an unlimited server reports: nobody is to slow down because of it.
_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class Gauge:
    """A bucket as its headers show it: capacity, what is left, and the Unix second at which it is full again."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What a request did to a bucket, and the refusal it has to get when there was not enough in it."""

    gauge: Gauge
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """How full a bucket was at a moment. It refills to its limit within a minute, and may stand below zero."""

    amount: float
    at: float

    def refilled(self, limit: int, now: float) -> "Level":
        return Level(min(limit, self.amount + (now - self.at) * limit / 60), now)

    def gauge(self, limit: int) -> Gauge:
        full_in = (limit - self.amount) * 60 / limit
        return Gauge(limit, max(0, math.floor(self.amount)), math.ceil(self.at + full_in))


Change = Callable[[Level | None], Level]


def draw(level: Level | None, amount: int, limit: int, now: float) -> tuple[Level, float]:
    """The level with `amount` taken and 0.0, or with nothing taken and the seconds until there is enough."""
    level = Level(limit, now) if level is None else level.refilled(limit, now)
    # What no full bucket could cover is let through when the bucket is full.
    missing = min(amount, limit) - level.amount
    if missing > 0:
        return level, missing * 60 / limit
    return Level(level.amount - amount, now), 0.0


class Buckets(Protocol):
    """Where levels are kept: a store."""

    def turn(self, bucket: str, change: Change) -> Awaitable[Level]:
        """Put what `change` makes of the bucket's level in its place, as one step, and return it."""
        ...

    def now(self) -> float:
        """The time buckets go by."""
        ...


class Limits:
    """The two buckets of every team; None for a limit that is not there."""

    def __init__(self, buckets: Buckets, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._buckets = buckets
        self._requests = requests_per_minute
        self._tokens = tokens_per_minute

    def unlimited(self) -> Gauge:
        """What is reported where nothing is counted."""
        return Gauge(_UNLIMITED, _UNLIMITED - 1, int(self._buckets.now()))

    async def admit_request(self, team: str) -> Admission:
        """Count one request, if there is room for it."""
        if self._requests is None:
            return Admission(self.unlimited())
        gauge, wait = await self._draw(f"requests {team}", 1, self._requests)
        return Admission(gauge, _refusal("too_many_requests", "Rate limit exceeded.", wait) if wait else None)

    async def admit_tokens(self, team: str, tokens: int) -> Admission:
        """Count the tokens of a prompt, if there is room for them."""
        if self._tokens is None:
            return Admission(self.unlimited())
        gauge, wait = await self._draw(f"tokens {team}", tokens, self._tokens)
        message = "Tokens-per-minute limit exceeded."
        return Admission(gauge, _refusal("tpm_rate_limit_exceeded", message, wait) if wait else None)

    async def spend_tokens(self, team: str, tokens: int) -> None:
        """Count the tokens of an answer, below zero if need be."""
        limit = self._tokens
        if limit is not None:
            now = self._buckets.now()

            def spend(level: Level | None) -> Level:
                level = Level(limit, now) if level is None else level.refilled(limit, now)
                return Level(level.amount - tokens, now)

            await self._buckets.turn(f"tokens {team}", spend)

    async def _draw(self, bucket: str, amount: int, limit: int) -> tuple[Gauge, float]:
        wait = 0.0
        now = self._buckets.now()

        def change(level: Level | None) -> Level:
            nonlocal wait
            level, wait = draw(level, amount, limit, now)
            return level

        level = await self._buckets.turn(bucket, change)
        return level.gauge(limit), wait


def _refusal(code: str, message: str, wait: float) -> Refused:
    seconds = max(1, math.ceil(wait))
    return Refused(code, f"{message} Retry after {seconds}s.", headers={"Retry-After": str(seconds)})
