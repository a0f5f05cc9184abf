"""Derives the idempotency key of each line, the same in every process that works on a job."""

from __future__ import annotations

import json
from typing import Any, Final

from aurous_client.encoding import encode
from aurous_client.errors import EncodeError

from .._request.idempotency import idempotency_key

# Not msgspec, which writes some numbers in another way: a key must not depend on what is installed.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical_json(body: Any) -> str:
    """A body without white space, its members sorted. Raises EncodeError for what JSON does not have."""
    try:
        return _ENCODER.encode(body)
    except TypeError:
        # It has objects of `aurous.models`.
        pass
    except ValueError as error:
        raise EncodeError(f"body: {error}") from None
    try:
        return _ENCODER.encode(encode(body))
    except (TypeError, ValueError) as error:
        raise EncodeError(f"body: {error}") from None


def line_key(job: str, custom_id: str, content: str) -> str:
    """The key of a line: `aurous.idempotency_key(job, custom_id, canonical_json(body))`."""
    return idempotency_key(job, custom_id, content)
