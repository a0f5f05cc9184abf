"""Decodes JSON, with msgspec if it is installed; and rewrites it without a change of its numbers."""

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


class _Digits(str):
    """A number as it is written: a float has fewer digits, and an int may not have thousands."""


def decode_digits(content: bytes) -> Any:
    """A document for `encode_digits`, whose numbers keep their digits. Raises ValueError or RecursionError."""
    return json.loads(content, parse_float=_Digits, parse_int=_Digits, parse_constant=_refuse)


def encode_digits(value: Any, *, is_ascii: bool, margin: str | None = None) -> str:
    """A document as text. margin: a newline, for one value a line, each indented; otherwise all are on one line."""
    if isinstance(value, _Digits):
        return value
    inner = "" if margin is None else f"{margin}  "
    colon = ":" if margin is None else ": "

    def encode(part: Any) -> str:
        return encode_digits(part, is_ascii=is_ascii, margin=None if margin is None else inner)

    if isinstance(value, dict) and value:
        members = ",".join(f"{inner}{encode(name)}{colon}{encode(part)}" for name, part in value.items())
        return f"{{{members}{margin or ''}}}"
    if isinstance(value, list) and value:
        return f"[{','.join(inner + encode(part) for part in value)}{margin or ''}]"
    return json.dumps(value, ensure_ascii=is_ascii)
