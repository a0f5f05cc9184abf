"""What a result came with: request id, version, replay, rate limits, attempts. Reads headers; knows no HTTP library."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen
from aurous_client.types import JsonObject

from .attempt import Attempt
from .error_body import printable


@frozen(kw_only=True)
class RateLimit:
    """A token bucket as a response described it. Page: rate-limits."""

    limit: int | None = None
    """Its capacity."""
    remaining: int | None = None
    """What is left after this request."""
    reset: int | None = None
    """The Unix second at which it will be full again."""


@frozen(kw_only=True)
class ResponseInfo:
    """What a result came with."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    """By their names in lower case."""
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0
    """Seconds from the start of the call to its result, all attempts and waits included."""
    idempotency_key: str | None = None
    """The key that the call went under."""
    is_key_ours: bool = False
    """Whether the call made that key for itself, so that no other call can have used it."""

    @property
    def request_id(self) -> str | None:
        """Names the request to support."""
        return self.headers.get("aurous-request-id")

    @property
    def api_version(self) -> str | None:
        """The version that the server applied."""
        return self.headers.get("aurous-version")

    @property
    def idempotent_replayed(self) -> bool:
        """Whether this is an earlier call's answer, which was not charged again."""
        return self.headers.get("aurous-idempotent-replayed", "").lower() == "true"

    @property
    def idempotency_status(self) -> str | None:
        """What became of the key, where the server says: `ignored_streaming` on a stream that was sent one."""
        return self.headers.get("aurous-idempotency-status")

    @property
    def is_charged_before(self) -> bool:
        """Whether an earlier call paid for this answer. A replay of what a lost attempt of this call began is no such,
        nor is one under a key of our making: then it was this request, delivered twice.

        Where the key is the caller's own, and an attempt was lost, it cannot be told; it then counts as this call's.
        """
        if self.is_key_ours or not self.idempotent_replayed:
            return False
        return not any(attempt.may_have_worked for attempt in self.attempts[:-1])

    @property
    def requests_per_minute(self) -> RateLimit:
        return self._limit("x-ratelimit")

    @property
    def tokens_per_minute(self) -> RateLimit:
        return self._limit("x-ratelimit-tpm")

    def _limit(self, prefix: str) -> RateLimit:
        # One page names these headers without the X-.
        names = {name: (f"{prefix}-{name}", f"{prefix}-{name}".removeprefix("x-")) for name in _BUCKET}
        return RateLimit(**{name: _whole(self.headers, *both) for name, both in names.items()})


@frozen
class Origin:
    """What a model read from a response carries: the response's story, and its bytes, whose digits are exact."""

    info: ResponseInfo
    content: bytes = field(repr=False)


_BUCKET = ("limit", "remaining", "reset")


def response_info(result: JsonObject) -> ResponseInfo:
    """What a result of this client came with.

    Raises TypeError for an object that did not come from a response: one made by hand, a part of a result, or one
    that was copied or unpickled.
    """
    origin = origin_of(result)
    if origin is None:
        raise TypeError(f"this {type(result).__name__} did not come from a response; ask the result of the call itself")
    return origin.info


def origin_of(result: object) -> Origin | None:
    origin = getattr(result, "_origin", None)
    return origin if isinstance(origin, Origin) else None


def attach(result: Any, origin: Origin) -> None:
    """Let a result carry what it came with."""
    if isinstance(result, JsonObject):
        result._origin = origin


def warn_of_deprecation(headers: Mapping[str, str]) -> None:
    """Turn `Aurous-Deprecated` and `Sunset` into a DeprecationWarning at the caller's line. Page: changelog."""
    deprecated, sunset = headers.get("aurous-deprecated"), headers.get("sunset")
    if deprecated is None and sunset is None:
        return
    until = f"; it ends on {printable(sunset)}" if sunset else ""
    message = f"Aurous deprecates what this call uses ({printable(deprecated or 'not named')}){until}"
    warnings.warn(message, DeprecationWarning, stacklevel=caller_level())


def caller_level() -> int:
    """The stacklevel, as the caller of this function counts, of the first frame that is neither ours nor generated."""
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level + 1


_OURS: Final = ("aurous", "aurous_client")


def _whole(headers: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        try:
            return int(headers[name])
        except (KeyError, ValueError):
            continue
    return None
