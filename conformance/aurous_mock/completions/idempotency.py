"""Decides what an idempotency key means for a request: run it, replay it, or refuse it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from aurous_mock.http.errors import APIError

WINDOW = 24 * 60 * 60
LONGEST = 256
# Up to here every integer is a float of its own.
EXACT_FLOATS = 2**53

# The documentation names the header in three ways on three pages.
HEADERS = ("idempotency-key", "aurous-idempotency-key", "aurous-idempotent-key")


@dataclass(frozen=True, slots=True)
class Claim:
    """A request with an idempotency key."""

    key: str
    route: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored key: the request that used it first, and its response body once there is one."""

    route: str
    fingerprint: str
    completion_id: str
    claimed_at: float
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeyUnused:
    """No request within the window has this key."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The key has a response for this request."""

    body: bytes


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """The key belongs to another request, or to one that is still running."""

    reason: str


def read_key(headers: Mapping[str, str]) -> str | None:
    """The key of a request, if it has one. Raises APIError if it is empty or too long."""
    key = next((headers[name] for name in HEADERS if name in headers), None)
    if key is not None and not 1 <= len(key) <= LONGEST:
        raise APIError(
            "invalid_format", f"Idempotency-Key must have 1 to {LONGEST} characters.", param="Idempotency-Key"
        )
    return key


def fingerprint(body: Any) -> str:
    """A hash that is equal for equal JSON values, whatever their key order, white space and notation of numbers."""
    return sha256(orjson.dumps(_with_whole_numbers(body), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _with_whole_numbers(value: Any) -> Any:
    """The value with each whole float as an integer: `1`, `1.0` and `1e0` are one number."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= EXACT_FLOATS else value
    if isinstance(value, dict):
        return {name: _with_whole_numbers(member) for name, member in value.items()}
    return [_with_whole_numbers(item) for item in value] if isinstance(value, list) else value


def decide(entry: Entry | None, claim: Claim, now: float) -> KeyUnused | Replay | KeyInUse:
    """What to do with a request, given the stored entry of its key. now: Unix seconds"""
    if entry is None or now - entry.claimed_at >= WINDOW:
        return KeyUnused()
    if entry.route != claim.route:
        return KeyInUse("This idempotency key was used on another route.")
    if entry.fingerprint != claim.fingerprint:
        return KeyInUse("This idempotency key was used with another request body.")
    if entry.body is None:
        return KeyInUse("The first request with this idempotency key is still running.")
    return Replay(entry.body)
