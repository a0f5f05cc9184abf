"""Decides whether a call is retried, and when. Pure: the caller passes in time and randomness.

Pages: errors, guides/error-handling, idempotency.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from .._config.policies import RetryPolicy
from ..types import Attempt

KEY_IN_USE: Final = "idempotency_key_in_use"

# Delays have long reached their maximum by then, and 2.0 ** 1024 would overflow.
_MAX_DOUBLINGS: Final = 32
# Tokens of the retry quota.
_RETRY_COST: Final = 5
_TIMEOUT_RETRY_COST: Final = 10
# Seconds; servers that are down send `Retry-After: 0`.
_MIN_RETRY_AFTER: Final = 0.1
_MORE_RETRIES: Final = "; with a higher one, and a longer total timeout, the client waits longer by itself"
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
# Two forms as `Sun, 06 Nov 1994 08:49:37 GMT`, then that of asctime. dateutil alone would complete a part of a date.
_DATE = re.compile(
    rf"[A-Za-z]{{3,9}}, [0-9]{{1,2}}[ -][A-Za-z]{{3}}[ -][0-9]{{2,4}} {_TIME} ([A-Z]{{1,5}}|[+-][0-9]{{4}})"
    rf"|[A-Za-z]{{3}} [A-Za-z]{{3}} [ 0-9][0-9] {_TIME} [0-9]{{4}}"
)


class ErrorResponse(NamedTuple):
    """An attempt that got an error response."""

    status_code: int
    code: str | None = None
    retry_after: float | None = None
    """Seconds."""


class NoResponse(NamedTuple):
    """An attempt that got no response."""

    sent: bool
    """Whether any byte may have reached the server."""
    is_final: bool = False
    """Whether another attempt would fail the same way: an invalid address, a bad certificate."""
    timed_out: bool = False


class Retry(NamedTuple):
    """Try again after `delay` seconds."""

    delay: float
    reason: str
    is_poll: bool = False
    """Whether this waits for a request that is still running; such attempts do not count as retries."""


class GiveUp(NamedTuple):
    """Do not try again."""

    reason: str | None
    """None if the failure speaks for itself."""


def decide(
    policy: RetryPolicy,
    failure: ErrorResponse | NoResponse,
    *,
    previous_attempts: Sequence[Attempt],
    is_idempotent: bool,
    is_generated_key: bool = False,
    remaining: float,
    random: float,
) -> Retry | GiveUp:
    """What to do after a failed attempt.

    previous_attempts: those before the failed one
    is_idempotent:     whether sending the request twice has the effect of sending it once; other requests, such as
                       those of streams, are tried again only if they were not sent, or refused by a rate limit
    is_generated_key:  whether the client made the key for this call, so that nobody else can be using it
    remaining:         seconds until the call's deadline
    random:            from 0 to 1, for the jitter
    """
    polls = sum(attempt.code == KEY_IN_USE for attempt in previous_attempts)
    retries = len(previous_attempts) - polls
    if isinstance(failure, ErrorResponse) and failure.code == KEY_IN_USE:
        # Without a lost attempt, a generated key can only be in use by a duplicate of this request: treat as running.
        is_running = is_generated_key or any(attempt.may_have_worked for attempt in previous_attempts)
        if not is_idempotent or not is_running:
            return GiveUp("the idempotency key is in use by another request")
        delay = _doubled(policy.first_poll, polls, policy.max_poll)
        return _within(remaining, Retry(delay, "an earlier attempt is still being carried out", is_poll=True))

    reason = _reason(failure)
    if reason is None:
        return GiveUp(None)
    if not is_idempotent and not _is_refused(failure):
        return GiveUp("the request is not safe to send twice")
    if retries >= policy.max_retries:
        return GiveUp(f"max_retries is {policy.max_retries}{_MORE_RETRIES * _is_throttled(failure)}")

    retry_after = failure.retry_after if isinstance(failure, ErrorResponse) else None
    if retry_after is not None:
        if retry_after > policy.max_retry_after:
            return GiveUp(f"the server asks to wait {retry_after:g} s, longer than max_retry_after")
        # Never earlier than the server asked, never at once, and not all clients at the same time.
        delay = max(retry_after, min(policy.initial_delay, _MIN_RETRY_AFTER))
        return _within(remaining, Retry(delay + random * min(1.0, delay * policy.jitter), reason))
    delay = _doubled(policy.initial_delay, retries, policy.max_delay)
    return _within(remaining, Retry(delay * (1 - policy.jitter * random), reason))


def is_about_credits(code: str | None) -> bool:
    """Whether a code says that credits have run out, so that waiting does not help."""
    return code is not None and any(word in code for word in ("balance", "credit", "quota"))


def quota_cost(failure: ErrorResponse | NoResponse) -> int:
    """The tokens of a retry after a failure."""
    if isinstance(failure, NoResponse):
        return _TIMEOUT_RETRY_COST if failure.timed_out else _RETRY_COST
    # A server that is up, and paces its callers.
    is_paced = failure.status_code == 429 and bool(failure.retry_after)
    return 0 if is_paced else _RETRY_COST


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a `Retry-After` header of seconds or of an HTTP date; None if it is neither.

    now: by the server's clock; by default this machine's
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
    """An HTTP date in one of its three forms (RFC 9110, section 5.6.7); None if it is not one."""
    if value is None or not _DATE.fullmatch(value.strip()):
        return None
    # Imported late: few responses have a date that matters.
    from dateutil.parser import parse

    try:
        # UTC is the only zone that RFC 9110 allows; some servers name it in other ways, or send an offset.
        return parse(value, tzinfos=lambda _, offset: offset or 0).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_refused(failure: ErrorResponse | NoResponse) -> bool:
    """Whether nothing was carried out, so that nothing can happen twice."""
    if isinstance(failure, NoResponse):
        return not failure.sent
    return _is_throttled(failure)


def _is_throttled(failure: ErrorResponse | NoResponse) -> bool:
    return isinstance(failure, ErrorResponse) and failure.status_code == 429


def _doubled(first: float, times: int, maximum: float) -> float:
    return min(first * 2.0 ** min(times, _MAX_DOUBLINGS), maximum)


def _within(remaining: float, retry: Retry) -> Retry | GiveUp:
    if retry.delay >= remaining:
        return GiveUp(f"the next attempt would be in {retry.delay:.1f} s, after the call's deadline")
    return retry


def _reason(failure: ErrorResponse | NoResponse) -> str | None:
    """Why the same request may succeed later; None if it cannot."""
    if isinstance(failure, NoResponse):
        return None if failure.is_final else "no response"
    if failure.status_code == 429:
        return None if is_about_credits(failure.code) else "too many requests"
    if failure.status_code == 408:
        return "the server timed out"
    return "the server failed" if failure.status_code >= 500 else None
