"""Decides whether a call is tried again, and when. Pure: no clock, no sleep, no randomness, no HTTP library.

Pages: errors, guides/error-handling, idempotency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import field, frozen
from attrs.validators import ge, le

from .errors import Attempt, speaks_of_credits

KEY_IN_USE = "idempotency_key_in_use"


@frozen(kw_only=True)
class RetryPolicy:
    """How long and how often a call is tried."""

    max_retries: int = field(default=3, validator=ge(0))
    """Attempts after the first."""
    first_delay: float = field(default=1.0, validator=ge(0))
    """Seconds before the second attempt; doubled for each further one: 1, 2, 4, 8 ..."""
    max_delay: float = field(default=30.0, validator=ge(0))
    """Seconds; no delay of our own choosing is longer."""
    jitter: float = field(default=0.5, validator=[ge(0), le(1)])
    """The share of a delay that is left to chance, so that clients do not come back all at once."""
    retry_after_ceiling: float = field(default=60.0, validator=ge(0))
    """Seconds; a server that asks for a longer wait gets none, and the caller an error with `retry_after`."""

    # What the idempotency page advises while the first request of a key still runs.
    first_poll: float = field(default=0.5, validator=ge(0))
    max_poll: float = field(default=8.0, validator=ge(0))


@frozen(kw_only=True)
class Answered:
    """An attempt that ended with a status that is no success."""

    status_code: int
    code: str | None = None
    retry_after: float | None = None
    """Seconds."""


@frozen(kw_only=True)
class Lost:
    """An attempt that ended without an answer."""

    sent: bool
    """Whether any byte may have reached the server."""


@frozen
class Retry:
    """Try again after `delay` seconds."""

    delay: float
    reason: str
    is_poll: bool = False
    """Whether this asks for an answer that is being made already; such attempts are not counted."""


@frozen
class Stop:
    """Give up."""

    reason: str


def decide(
    policy: RetryPolicy,
    outcome: Answered | Lost,
    *,
    earlier: Sequence[Attempt],
    repeatable: bool,
    remaining: float,
    chance: float,
) -> Retry | Stop:
    """What to do after an attempt that failed.

    earlier:    the attempts before this one
    repeatable: whether sending it twice does it once (a GET, or a POST with an idempotency key)
    remaining:  seconds of the call's deadline that are left
    chance:     from 0 to 1, drawn by the caller
    """
    polls = sum(attempt.code == KEY_IN_USE for attempt in earlier)
    tried = len(earlier) - polls
    if isinstance(outcome, Answered) and outcome.code == KEY_IN_USE:
        if not any(_is_lost(attempt) for attempt in earlier):
            return Stop("the idempotency key is in use by another request")
        delay = min(policy.first_poll * 2**polls, policy.max_poll)
        return _within(remaining, Retry(delay, "an earlier attempt is still being carried out", is_poll=True))

    reason = _reason(outcome)
    if reason is None:
        return Stop("the same request would be refused again")
    if not repeatable and not (isinstance(outcome, Lost) and not outcome.sent):
        return Stop("the request is not safe to send twice")
    if tried >= policy.max_retries:
        return Stop(f"max_retries is {policy.max_retries}")

    asked = outcome.retry_after if isinstance(outcome, Answered) else None
    if asked is not None:
        if asked > policy.retry_after_ceiling:
            return Stop(f"the server asks to wait {asked:g} s, longer than retry_after_ceiling")
        # Never earlier than asked, and not all at the same moment.
        return _within(remaining, Retry(asked + chance * min(1.0, asked * policy.jitter), reason))
    delay = min(policy.first_delay * 2**tried, policy.max_delay)
    return _within(remaining, Retry(delay * (1 - policy.jitter * chance), reason))


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a `Retry-After` of seconds or of an HTTP date; None where it says nothing sensible."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _within(remaining: float, retry: Retry) -> Retry | Stop:
    if retry.delay >= remaining:
        return Stop(f"the next attempt would be in {retry.delay:.1f} s, after the call's deadline")
    return retry


def _reason(outcome: Answered | Lost) -> str | None:
    """Why the same request may do better later; None where it cannot."""
    if isinstance(outcome, Lost):
        return "no answer came"
    if outcome.status_code == 429:
        return None if speaks_of_credits(outcome.code) else "too many requests"
    if outcome.status_code == 408:
        return "the server timed out"
    return "the server failed" if outcome.status_code >= 500 else None


def _is_lost(attempt: Attempt) -> bool:
    """Whether an attempt may have been carried out though nobody heard of it: no answer, or a gateway's."""
    return attempt.status_code is None or attempt.status_code == 408 or attempt.status_code >= 500
