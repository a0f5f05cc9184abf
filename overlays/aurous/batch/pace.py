"""Decides when a batch may start its next request: how many at once, and how many requests and tokens a minute.

Without I/O; the caller passes in the time. Page: rate-limits.
"""

from __future__ import annotations

from typing import Final

from ..types import RateLimit

# Of a limit, so that clocks and networks that are not quite even cause no refusals.
_MARGIN: Final = 0.98
# Below this share of what the server allows, others use the same limit: go slower, the less is left.
_SCARCE: Final = 0.05
_LEAST_SHARE: Final = 0.1
# Seconds of a limit that may be used at once.
_BURST: Final = 1.0
_FIRST_WINDOW: Final = 4.0
_DECREASE: Final = 0.5
# Seconds in which several refusals count as one.
_ROUND: Final = 1.0
_SMOOTHING: Final = 0.05


class TokenBucket:
    """One limit by the minute, as far as it is known. share: the part of it that may be used"""

    def __init__(self, share: float) -> None:
        self._share = share
        self._limit: int | None = None
        self._rate = 0.0
        self._amount = 0.0
        self._time = 0.0

    def observe(self, now: float, limit: RateLimit) -> None:
        """What a response says about the limit."""
        if not limit.limit or limit.limit < 0:
            return
        self._refill(now)
        most = limit.limit * self._share * _MARGIN / 60
        if self._limit is None:
            self._amount = max(1.0, most * _BURST)
        self._limit = limit.limit
        remaining = limit.limit if limit.remaining is None else limit.remaining
        left = remaining / (limit.limit * _SCARCE)
        self._rate = most * min(1.0, max(left, _LEAST_SHARE))

    def delay(self, now: float, cost: float) -> float:
        """Seconds until so much may be used."""
        if self._limit is None:
            return 0.0
        self._refill(now)
        # More than fits is allowed when the bucket is full.
        missing = min(cost, self._capacity) - self._amount
        # A millionth is an error of rounding, which would take another, empty wait.
        return missing / self._rate if missing > 1e-6 else 0.0

    def use(self, amount: float) -> None:
        """Take an amount, or give back a negative one."""
        if self._limit is not None:
            self._amount = min(self._amount - amount, self._capacity)

    @property
    def _capacity(self) -> float:
        return max(1.0, self._rate * _BURST)

    def _refill(self, now: float) -> None:
        self._amount = min(self._amount + (now - self._time) * self._rate, max(self._capacity, self._amount))
        self._time = now


class Pace:
    """How fast a batch may go.

    Concurrency grows by one each round while requests succeed, and is halved when one is refused. Where the server
    names its limits, requests and tokens stay just below them.

    concurrency: the most requests at once
    share:       the part of the server's limits that this process may use
    """

    def __init__(self, concurrency: int, *, share: float = 1.0) -> None:
        self._most = float(concurrency)
        self._window = min(_FIRST_WINDOW, self._most)
        self._requests = TokenBucket(share)
        self._tokens = TokenBucket(share)
        self._tokens_each = 0.0
        self._paused_until = float("-inf")
        self._last_decrease = float("-inf")
        self._has_refusals = False

    @property
    def window(self) -> int:
        """How many requests there may be at once."""
        return max(1, int(self._window))

    def delay(self, now: float, in_flight: int) -> float | None:
        """Seconds until the next request may start, 0 if it may now; None if one in flight has to end first."""
        if in_flight >= self.window:
            return None
        requests, tokens = self._requests.delay(now, 1.0), self._tokens.delay(now, self._tokens_each)
        return max(self._paused_until - now, requests, tokens, 0.0)

    def start(self) -> float:
        """A request starts. Returns the tokens that were taken for it, to be passed to `finish`."""
        self._requests.use(1.0)
        self._tokens.use(self._tokens_each)
        return self._tokens_each

    def succeed(self, now: float, *, requests: RateLimit, tokens: RateLimit, reserved: float, used: int) -> None:
        """A request was answered.

        requests, tokens: what the response says about the limits
        reserved, used:   the tokens that were taken for it, and those that it used
        """
        self._requests.observe(now, requests)
        self._tokens.observe(now, tokens)
        self._tokens.use(used - reserved)
        self._tokens_each += (used - self._tokens_each) * (_SMOOTHING if self._tokens_each else 1.0)
        if self._has_refusals:
            self._window = min(self._window + 1 / self._window, self._most)
        elif requests.limit:
            # The limits are known and kept, so concurrency need not probe for them.
            self._window = self._most
        else:
            self._window = min(self._window + 1, self._most)

    def fail(self, reserved: float) -> None:
        """A request ended without an answer, and used no tokens."""
        self._tokens.use(-reserved)

    def refuse(self, now: float, retry_after: float) -> None:
        """An attempt was refused, since there are too many. It is made again after so many seconds."""
        self._requests.use(1.0)
        self._paused_until = max(self._paused_until, now + retry_after)
        if now >= self._last_decrease + _ROUND:
            self._last_decrease = self._paused_until
            self._window = max(1.0, self._window * _DECREASE)
            self._has_refusals = True
