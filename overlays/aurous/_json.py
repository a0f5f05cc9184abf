"""Decodes JSON, with msgspec if it is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from ._optional import MSGSPEC


class _InvalidJson:
    """The type of `INVALID_JSON`."""


INVALID_JSON: Final = _InvalidJson()
"""Returned for bytes that are not JSON; None is a valid document."""


def _refuse(name: str) -> Any:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(name)


# `json.loads` makes a decoder for each call that sets an option.
_decode_text: Final = json.JSONDecoder(parse_constant=_refuse).decode


def decode_with_json(content: bytes) -> Any:
    return _decode_text(content.decode())


def fastest_decoder() -> Callable[[bytes], Any]:
    try:
        import msgspec
    except ImportError:
        return decode_with_json
    # Errors of older versions are not ValueErrors.
    return decode_with_json if MSGSPEC.problem() else msgspec.json.Decoder().decode


decode_strict: Final = fastest_decoder()
"""Decodes UTF-8. Raises ValueError or RecursionError, also for some rare documents that `decode` can read."""


def decode(content: bytes) -> Any:
    """A document, or `INVALID_JSON`."""
    try:
        return decode_strict(content)
    except (ValueError, RecursionError):
        return decode_leniently(content)


def decode_leniently(content: bytes) -> Any:
    """Reads other encodings, a byte order mark, lone surrogates and numbers beyond a float's range too."""
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return INVALID_JSON
