"""Keeps the requests and tokens that a team may still spend this minute; refuses, but does not know what it refuses."""

import math
from dataclasses import dataclass

from aurous_mock.errors import Refused

# What an unlimited server reports: nobody is to slow down because of it.
_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class Gauge:
    """A bucket as its headers show it: capacity, what is left, and the Unix second at which it is full again."""

    limit: int
    remaining: int
    reset: int


class Bucket:
    """A token bucket that refills to `limit` within a minute; None never empties."""

    def __init__(self, limit: int | None, now: float) -> None:
        self._limit = limit
        self._level = float(limit or 0)
        self._then = now

    def _refill(self, now: float) -> float:
        limit = self._limit or 0
        self._level = min(limit, self._level + (now - self._then) * limit / 60)
        self._then = now
        return self._level

    def wait(self, amount: int, now: float) -> float:
        """Take `amount` and return 0, or take nothing and return the seconds until there is enough."""
        if self._limit is None:
            return 0.0
        # A request that no full bucket could cover is let through when the bucket is full.
        missing = min(amount, self._limit) - self._refill(now)
        if missing > 0:
            return missing * 60 / self._limit
        self._level -= amount
        return 0.0

    def spend(self, amount: int, now: float) -> None:
        """Take `amount` that was already used, below zero if need be."""
        if self._limit is not None:
            self._refill(now)
            self._level -= amount

    def gauge(self, now: float) -> Gauge:
        if self._limit is None:
            return Gauge(_UNLIMITED, _UNLIMITED - 1, int(now))
        level = self._refill(now)
        full_in = (self._limit - level) * 60 / self._limit
        return Gauge(self._limit, max(0, math.floor(level)), math.ceil(now + full_in))


class Limits:
    """The two buckets of every team."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._limits = requests_per_minute, tokens_per_minute
        self._teams: dict[str, tuple[Bucket, Bucket]] = {}

    def reset(self) -> None:
        self._teams.clear()

    def _buckets(self, team: str, now: float) -> tuple[Bucket, Bucket]:
        buckets = self._teams.get(team)
        if buckets is None:
            requests, tokens = self._limits
            buckets = self._teams[team] = Bucket(requests, now), Bucket(tokens, now)
        return buckets

    def admit_request(self, team: str, now: float) -> None:
        """Count one request, or refuse it."""
        wait = self._buckets(team, now)[0].wait(1, now)
        if wait:
            raise _refusal("too_many_requests", "Rate limit exceeded.", wait)

    def admit_tokens(self, team: str, tokens: int, now: float) -> None:
        """Count the tokens of a prompt, or refuse it."""
        wait = self._buckets(team, now)[1].wait(tokens, now)
        if wait:
            raise _refusal("tpm_rate_limit_exceeded", "Tokens-per-minute limit exceeded.", wait)

    def spend_tokens(self, team: str, tokens: int, now: float) -> None:
        """Count the tokens of an answer."""
        self._buckets(team, now)[1].spend(tokens, now)

    def gauges(self, team: str, now: float) -> tuple[Gauge, Gauge]:
        """The requests and the tokens, for the headers of a response."""
        requests, tokens = self._buckets(team, now)
        return requests.gauge(now), tokens.gauge(now)


def _refusal(code: str, message: str, wait: float) -> Refused:
    seconds = max(1, math.ceil(wait))
    return Refused(code, f"{message} Retry after {seconds}s.", headers={"Retry-After": str(seconds)})
