"""Identifiers: a prefix and a ULID, unique within the process."""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """Return `prefix`, an underscore and 26 characters that sort by time."""
    global _last
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    with _lock:
        _last = value = max(value, _last + 1)
    digits = []
    for _ in range(26):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(digits))}"
