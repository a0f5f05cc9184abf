"""Timeouts, the retry policy and the stream policy, which validate themselves.

Pages: errors, guides/error-handling, idempotency.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

from ..errors import ConfigurationError

# For a number that exceeds the total: the attempts of the default policy, and the waits between them.
_ATTEMPTS_IN_TOTAL: Final = 5
_OPTIONAL: Final = ("attempt", "pool")


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Timeouts in seconds. None of them can be turned off.

    Where a number is given in place of `Timeouts`, it is the time of one attempt: `timeout=30` is `attempt=30`, and the
    call as a whole has `total`. `read`, `first_event` and `total` are raised if they would be shorter.
    """

    connect: float = 5.0
    """To connect."""
    pool: float | None = None
    """To wait for a free connection where all are in use, which is part of no attempt. None leaves it to `total`."""
    read: float = 300.0
    """For the next byte of a response; a long completion is generated in silence."""
    write: float = 60.0
    """For the network to take the next bytes of the request."""
    total: float = 600.0
    """For the whole call including all attempts and waits; for a stream, until its end. What arrived in time is
    delivered even if the caller asks for it later."""
    attempt: float | None = None
    """For each attempt, until the whole response; for a stream, until its first event. None leaves it to `total`."""
    first_event: float = 300.0
    """For the first event of a stream, from sending the request; a model may reason for long before it answers."""
    idle: float = 60.0
    """For each further event of a stream. Keep-alives are not events: they prove the connection, not the model."""

    def __post_init__(self) -> None:
        for each in fields(self):
            seconds = getattr(self, each.name)
            if each.name not in _OPTIONAL or seconds is not None:
                _check_seconds(f"timeout.{each.name}", seconds)

    @classmethod
    def of(cls, value: Timeouts | float | None) -> Timeouts:
        """`Timeouts` unchanged, a number as the time of an attempt, None as the defaults. Raises ConfigurationError."""
        return cls().changed_by(value)

    def changed_by(self, value: object) -> Timeouts:
        """Those of a call that was given `Timeouts`, a number or None. Raises ConfigurationError."""
        if value is None:
            return self
        if isinstance(value, Timeouts):
            return value
        seconds = _check_seconds("timeout", value)
        return replace(
            self,
            attempt=seconds,
            read=max(self.read, seconds),
            first_event=max(self.first_event, seconds),
            total=self.total if self.total >= seconds else _ATTEMPTS_IN_TOTAL * seconds,
        )

    def within(self, remaining: float) -> float:
        """Seconds that the next attempt may take."""
        return remaining if self.attempt is None else min(self.attempt, remaining)

    @property
    def until_first_event(self) -> float:
        return self.within(self.first_event)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often, and after which delays, a call is retried."""

    max_retries: int = 3
    """Attempts after the first."""
    initial_delay: float = 1.0
    """Seconds before the second attempt; doubled for each further one: 1, 2, 4, 8 ..."""
    max_delay: float = 30.0
    """Seconds; the limit of these delays."""
    jitter: float = 0.5
    """The random share of each delay, which keeps clients from retrying all at once."""
    max_retry_after: float = 60.0
    """Seconds; if the server asks for a longer wait, the call fails at once, with `retry_after` in the error."""
    quota: int | None = 500
    """Bounds the retries of all calls of the client, so that they do not multiply the load on a server that is down: a
    token bucket with the constants of the AWS SDKs. A retry takes 5 of these tokens, 10 after a timeout, and none after
    a 429 with `Retry-After`; a success gives back what its last retry took, or 1. None for no bound."""

    # The idempotency page's advice while the first request of a key is still running.
    first_poll: float = 0.5
    max_poll: float = 8.0

    def __post_init__(self) -> None:
        if not isinstance(self.max_retries, int) or self.max_retries < 0:
            raise ConfigurationError(f"max_retries must be a whole number of 0 or more, not {self.max_retries!r}")
        if self.quota is not None and (not isinstance(self.quota, int) or self.quota < 0):
            raise ConfigurationError(f"retry.quota must be a whole number of 0 or more, or None; not {self.quota!r}")
        for name in ("initial_delay", "max_delay", "max_retry_after", "first_poll", "max_poll"):
            _check_number(name, getattr(self, name))
        _check_number("jitter", self.jitter, most=1)


@dataclass(frozen=True, kw_only=True)
class StreamPolicy:
    """What a stream does when it is interrupted, or left early."""

    on_disconnect: Literal["raise", "recover"] = "raise"
    """When the connection breaks: raise StreamInterruptedError, or retrieve the stored record and continue from it. The
    request is never sent again."""
    on_early_close: Literal["disconnect", "cancel"] = "disconnect"
    """When the caller stops early: disconnect, which the server takes as a cancel; or call the cancel operation, which
    returns what was charged."""
    on_idempotency_key: Literal["refuse", "send"] = "refuse"
    """When a stream is given an idempotency key, which the API ignores: refuse it with an error, or send it and pass on
    the server's warning. No stream is ever safe to repeat."""
    recover_within: float = 30.0
    """Seconds to wait for a record to become final."""
    max_event_size: int | None = 64 * 1024 * 1024
    """Bytes that one event may have; None for no limit."""

    def __post_init__(self) -> None:
        _check_choice("on_disconnect", self.on_disconnect, ("raise", "recover"))
        _check_choice("on_early_close", self.on_early_close, ("disconnect", "cancel"))
        _check_choice("on_idempotency_key", self.on_idempotency_key, ("refuse", "send"))
        _check_seconds("recover_within", self.recover_within)
        size = self.max_event_size
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ConfigurationError(f"max_event_size must be a whole number of bytes over 0, or None; not {size!r}")


def _check_seconds(name: str, value: object) -> float:
    if not isinstance(value, (int, float)) or not 0 < value <= sys.float_info.max:
        raise ConfigurationError(f"{name} must be a finite number of seconds over 0, not {repr(value)[:40]}")
    return value


def _check_choice(name: str, value: object, choices: tuple[str, str]) -> None:
    if value not in choices:
        raise ConfigurationError(f"{name} must be {choices[0]!r} or {choices[1]!r}, not {repr(value)[:40]}")


def _check_number(name: str, value: object, most: float = math.inf) -> None:
    if not isinstance(value, (int, float)) or not 0 <= value <= min(most, sys.float_info.max):
        bounds = "of 0 or more" if most == math.inf else f"from 0 to {most:g}"
        raise ConfigurationError(f"retry.{name} must be a number {bounds}, not {value!r}")
