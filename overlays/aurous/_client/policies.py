"""What a caller can set of a call's patience, persistence and streams: values that check themselves. Knows no calls.

Pages: errors, guides/error-handling, idempotency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal

from ..errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long to wait, in seconds. None of them can be turned off."""

    connect: float = 5.0
    """For a connection."""
    read: float = 300.0
    """For the next byte of an answer; a long completion is made in silence."""
    write: float = 60.0
    """For the network to take the next bytes of the request."""
    total: float = 600.0
    """For the whole call, all attempts and waits included; for a stream, until its end. What came in time is handed out
    even to a caller who asks for it later."""
    first_event: float = 300.0
    """For the first event of a stream, from the sending of the request; a model may think long before it speaks."""
    idle: float = 60.0
    """For each further event of a stream. Keep-alives are no events: they prove the connection, not the answer."""

    def __post_init__(self) -> None:
        for each in fields(self):
            _check_seconds(f"timeout.{each.name}", getattr(self, each.name))

    @classmethod
    def of(cls, value: Timeouts | float | None) -> Timeouts:
        """Timeouts as they are; a number as the total; None for the defaults."""
        if value is None:
            return cls()
        return value if isinstance(value, Timeouts) else cls(total=value)

    def with_total(self, seconds: float | None) -> Timeouts:
        """These, with another total; None leaves it. Raises ConfigurationError."""
        return self if seconds is None else replace(self, total=seconds)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long and how often a call is tried."""

    max_retries: int = 3
    """Attempts after the first."""
    initial_delay: float = 1.0
    """Seconds before the second attempt; doubled for each further one: 1, 2, 4, 8 ..."""
    max_delay: float = 30.0
    """Seconds; no delay of our own choosing is longer."""
    jitter: float = 0.5
    """The share of a delay that is left to chance, so that clients do not come back all at once."""
    max_retry_after: float = 60.0
    """Seconds; a server that asks for a longer wait gets none, and the caller an error with `retry_after`."""

    # What the idempotency page advises while the first request of a key still runs.
    first_poll: float = 0.5
    max_poll: float = 8.0

    def __post_init__(self) -> None:
        if not isinstance(self.max_retries, int) or self.max_retries < 0:
            raise ConfigurationError(f"max_retries must be a whole number of 0 or more, not {self.max_retries!r}")
        for name in ("initial_delay", "max_delay", "max_retry_after", "first_poll", "max_poll"):
            _check_number(name, getattr(self, name))
        _check_number("jitter", self.jitter, most=1)


@dataclass(frozen=True, kw_only=True)
class StreamPolicy:
    """What a stream does when it ends before its time."""

    on_disconnect: Literal["raise", "recover"] = "raise"
    """When the connection breaks: raise StreamInterruptedError, or ask for the stored record first and go on with what
    it has. The request is never sent again."""
    on_early_close: Literal["disconnect", "cancel"] = "disconnect"
    """When the caller leaves early: hang up, which the server takes for a cancel; or cancel in words, which tells at
    once what was charged."""
    on_idempotency_key: Literal["refuse", "send"] = "refuse"
    """When a stream is given an idempotency key, which the API ignores: refuse to send it, or send it and surface the
    server's warning. It makes no stream safe to repeat, and none is."""
    recover_within: float = 30.0
    """Seconds to wait for a record to become final."""
    max_event_size: int | None = 64 * 1024 * 1024
    """Bytes that one event may have; None for no limit."""

    def __post_init__(self) -> None:
        _check_choice("on_disconnect", self.on_disconnect, ("raise", "recover"))
        _check_choice("on_early_close", self.on_early_close, ("disconnect", "cancel"))
        _check_choice("on_idempotency_key", self.on_idempotency_key, ("refuse", "send"))
        _check_seconds("recover_within", self.recover_within)


def _check_seconds(name: str, value: object) -> None:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ConfigurationError(f"{name} must be a finite number of seconds over 0, not {repr(value)[:40]}")


def _check_choice(name: str, value: object, choices: tuple[str, str]) -> None:
    if value not in choices:
        raise ConfigurationError(f"{name} must be {choices[0]!r} or {choices[1]!r}, not {repr(value)[:40]}")


def _check_number(name: str, value: object, most: float = math.inf) -> None:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or not 0 <= value <= most:
        bounds = "of 0 or more" if most == math.inf else f"from 0 to {most:g}"
        raise ConfigurationError(f"retry.{name} must be a number {bounds}, not {value!r}")
