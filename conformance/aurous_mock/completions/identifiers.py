"""Makes the prefixed ULIDs that name completions, requests and tool calls; knows nothing of what they name."""

import os
import random
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two characters at a time halves the work of an encoder that runs twice in every request.
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))

# Asking the system each time would be a twelfth of a request. Seeded from it once, ids are as unique, if not as secret.
_rng = random.Random(os.urandom(32))
os.register_at_fork(after_in_child=lambda: _rng.seed(os.urandom(32)))


def ulid(milliseconds: int, randomness: int) -> str:
    """The 26 characters of a ULID: 48 bits of time, then 80 bits of randomness."""
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | (randomness & (1 << 80) - 1)
    return "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])


def new(prefix: str) -> str:
    """A fresh identifier such as `cmp_01K...`: unique, sortable by time, opaque to callers."""
    return prefix + ulid(time.time_ns() // 1_000_000, _rng.getrandbits(80))


def derived(prefix: str, rng: random.Random) -> str:
    """An identifier drawn from `rng`, for parts of an answer that repeat when the answer does."""
    return prefix + ulid(rng.getrandbits(48), rng.getrandbits(80))
