"""Reads the idempotency key of a request, and makes the fingerprint of the body that it stands for."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from aurous_mock.errors import APIError

LONGEST = 256
# Up to here every integer is a float of its own.
EXACT_FLOATS = 2**53

# The documentation names the header in three ways on three pages.
HEADERS = ("idempotency-key", "aurous-idempotency-key", "aurous-idempotent-key")


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
