"""Decides what an idempotency key means for a request: run it, replay it, or refuse it."""

from dataclasses import dataclass

# Seconds for which a key is kept.
WINDOW = 24 * 60 * 60


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
