"""Idempotency keys: the first use of each key of a team, and the response stored for it."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from typing import Any

from .accounts import Team
from .canonical_json import canonical
from .clock import Clock
from .errors import ApiError

WINDOW = 24 * 3600.0
MAX_KEY_LENGTH = 256


@dataclass
class Entry:
    """The first use of a key; `document` is None while that request runs."""

    fingerprint: str
    expires: float
    document: dict[str, Any] | None = None


class IdempotencyStore:
    """Entries by team and key, each for 24 hours."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.window = WINDOW
        self._entries: dict[Any, Entry] = {}
        self._lock = threading.Lock()

    def check_key(self, key: str) -> None:
        """Raise ApiError for a key that is empty, too long or not printable."""
        if not 1 <= len(key) <= MAX_KEY_LENGTH or not all(" " <= character <= "~" for character in key):
            message = f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} printable ASCII characters."
            raise ApiError("invalid_format", message, param="Idempotency-Key")

    def slot(self, team: Team, key: str) -> Any:
        """Return the key under which an entry is stored."""
        return (team.name, key)

    def fingerprint(self, raw: bytes, body: Any) -> str:
        """Return a text that is the same for equal bodies. `raw` is the body's text as received."""
        return canonical(body)

    def begin(self, team: Team, key: str, raw: bytes, body: Any) -> dict[str, Any] | None:
        """Begin to use a key: None if the request is to be carried out, the stored document if it was before.

        ApiError 409 if the key belongs to another body, or its first request still runs.
        """
        slot, fingerprint = self.slot(team, key), self.fingerprint(raw, body)
        now = self.clock.now()
        with self._lock:
            entry = self._entries.get(slot)
            if entry is None or entry.expires <= now:
                self._entries[slot] = Entry(fingerprint, now + self.window)
                return None
            if entry.fingerprint != fingerprint:
                raise ApiError("idempotency_key_in_use", "This idempotency key was used with another request body.")
            if entry.document is None:
                raise ApiError("idempotency_key_in_use", "The first request with this idempotency key still runs.")
            return copy.deepcopy(entry.document)

    def finish(self, team: Team, key: str, document: dict[str, Any]) -> None:
        """Store the response to the first request with a key."""
        with self._lock:
            self._entries[self.slot(team, key)].document = copy.deepcopy(document)

    def forget(self, team: Team, key: str) -> None:
        """Free a key whose request did not succeed."""
        with self._lock:
            self._entries.pop(self.slot(team, key), None)
