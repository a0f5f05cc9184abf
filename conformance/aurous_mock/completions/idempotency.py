"""Decides what an idempotency key means for a request; keeps no keys and reads no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from aurous_mock.http.errors import APIError

WINDOW = 24 * 60 * 60
LONGEST = 256

# The documentation names the header in three ways on three pages.
HEADERS = ("idempotency-key", "aurous-idempotency-key", "aurous-idempotent-key")


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's wish to be the only one of its key."""

    key: str
    route: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a key: who claimed it when, and the answer once there is one."""

    route: str
    fingerprint: str
    completion_id: str
    claimed_at: float
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Fresh:
    """The key is free."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The key has an answer for this very request."""

    body: bytes


@dataclass(frozen=True, slots=True)
class InUse:
    """The key belongs to another request, or to one that still runs."""

    reason: str


def read_key(headers: Mapping[str, str]) -> str | None:
    """The request's key, if it sent one; refused when empty or too long."""
    key = next((headers[name] for name in HEADERS if name in headers), None)
    if key is not None and not 1 <= len(key) <= LONGEST:
        raise APIError(
            "invalid_format", f"Idempotency-Key must have 1 to {LONGEST} characters.", param="Idempotency-Key"
        )
    return key


def fingerprint(body: Any) -> str:
    """Equal for bodies that are equal as canonical JSON: key order and white space do not count."""
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def decide(entry: Entry | None, claim: Claim, now: float) -> Fresh | Replay | InUse:
    """What the key's history, if any, means for `claim`."""
    if entry is None or now - entry.claimed_at >= WINDOW:
        return Fresh()
    if entry.route != claim.route:
        return InUse("This idempotency key was used on another route.")
    if entry.fingerprint != claim.fingerprint:
        return InUse("This idempotency key was used with another request body.")
    if entry.body is None:
        return InUse("The first request with this idempotency key is still running.")
    return Replay(entry.body)
