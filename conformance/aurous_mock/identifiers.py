"""Prefixed ULIDs as ids of completions, requests and tool calls."""

import os
import random
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two characters at a time: half the cost, twice in every request.
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))

# `os.urandom` for each id would be a twelfth of the cost of a request. Ids must be unique, not secret.
_rng = random.Random(os.urandom(32))
os.register_at_fork(after_in_child=lambda: _rng.seed(os.urandom(32)))


def ulid(milliseconds: int, randomness: int) -> str:
    """The 26 characters of a ULID: 48 bits of time, then 80 bits of randomness."""
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | (randomness & (1 << 80) - 1)
    return "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])


def new(prefix: str) -> str:
    """A new identifier such as `cmp_01K...`: unique, sortable by time, opaque to callers."""
    return prefix + ulid(time.time_ns() // 1_000_000, _rng.getrandbits(80))


def derived(prefix: str, rng: random.Random) -> str:
    """An identifier from `rng`, the same whenever the same answer is generated."""
    return prefix + ulid(rng.getrandbits(48), rng.getrandbits(80))
