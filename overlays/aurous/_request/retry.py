"""Decides whether a call is tried again, and when. Pure: no clock, no sleep, no randomness, no HTTP library.

Pages: errors, guides/error-handling, idempotency.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ..errors import speaks_of_credits

if TYPE_CHECKING:
    from .._client.policies import RetryPolicy
    from .attempt import Attempt

KEY_IN_USE: Final = "idempotency_key_in_use"

# Doubling goes no further: the delays are long since at their maximum, and powers of two grow without bounds.
_MAX_DOUBLINGS: Final = 32
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


class Answered(NamedTuple):
    """An attempt that ended with a status that is no success."""

    status_code: int
    code: str | None = None
    retry_after: float | None = None
    """Seconds."""


class Lost(NamedTuple):
    """An attempt that ended without an answer."""

    sent: bool
    """Whether any byte may have reached the server."""
    is_final: bool = False
    """Whether another attempt would come to the same end: an address that is none, a certificate that is not good."""


class Retry(NamedTuple):
    """Try again after `delay` seconds."""

    delay: float
    reason: str
    is_poll: bool = False
    """Whether this asks for an answer that is being made already; such attempts are not counted."""


class Stop(NamedTuple):
    """Give up."""

    reason: str | None
    """None where the outcome itself says why."""


def decide(
    policy: RetryPolicy,
    outcome: Answered | Lost,
    *,
    earlier: Sequence[Attempt],
    repeatable: bool,
    is_key_ours: bool = False,
    remaining: float,
    chance: float,
) -> Retry | Stop:
    """What to do after an attempt that failed.

    earlier:     the attempts before this one
    repeatable:  whether sending it twice does it once (a GET, or a POST with an idempotency key)
    is_key_ours: whether the call made its key itself, so that nobody else can be using it
    remaining:   seconds of the call's deadline that are left
    chance:      from 0 to 1, drawn by the caller
    """
    polls = sum(attempt.code == KEY_IN_USE for attempt in earlier)
    tried = len(earlier) - polls
    if isinstance(outcome, Answered) and outcome.code == KEY_IN_USE:
        # Without a lost attempt, it is a copy of this request that runs if the key is ours: networks make such.
        is_running = is_key_ours or any(attempt.may_have_worked for attempt in earlier)
        if not repeatable or not is_running:
            return Stop("the idempotency key is in use by another request")
        delay = _doubled(policy.first_poll, polls, policy.max_poll)
        return _within(remaining, Retry(delay, "an earlier attempt is still being carried out", is_poll=True))

    reason = _reason(outcome)
    if reason is None:
        return Stop(None)
    if not repeatable and not (isinstance(outcome, Lost) and not outcome.sent):
        return Stop("the request is not safe to send twice")
    if tried >= policy.max_retries:
        return Stop(f"max_retries is {policy.max_retries}")

    asked = outcome.retry_after if isinstance(outcome, Answered) else None
    if asked is not None:
        if asked > policy.max_retry_after:
            return Stop(f"the server asks to wait {asked:g} s, longer than max_retry_after")
        # Never earlier than asked for, and not all clients at the same moment.
        return _within(remaining, Retry(asked + chance * min(1.0, asked * policy.jitter), reason))
    delay = _doubled(policy.initial_delay, tried, policy.max_delay)
    return _within(remaining, Retry(delay * (1 - policy.jitter * chance), reason))


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a `Retry-After` of seconds or of an HTTP date; None where it says nothing sensible.

    now: by the server's clock; without it, by this machine's
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    moment = parse_date(value)
    if moment is None:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def parse_date(value: str | None) -> datetime | None:
    """An HTTP date; None where it is none."""
    try:
        moment = parsedate_to_datetime(value or "")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _doubled(first: float, times: int, most: float) -> float:
    return min(first * 2.0 ** min(times, _MAX_DOUBLINGS), most)


def _within(remaining: float, retry: Retry) -> Retry | Stop:
    if retry.delay >= remaining:
        return Stop(f"the next attempt would be in {retry.delay:.1f} s, after the call's deadline")
    return retry


def _reason(outcome: Answered | Lost) -> str | None:
    """Why the same request may do better later; None where it cannot."""
    if isinstance(outcome, Lost):
        return None if outcome.is_final else "no answer came"
    if outcome.status_code == 429:
        return None if speaks_of_credits(outcome.code) else "too many requests"
    if outcome.status_code == 408:
        return "the server timed out"
    return "the server failed" if outcome.status_code >= 500 else None
