"""Decodes JSON, with msgspec if it is installed; and rewrites it without a change of its numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, cast

from ._optional import MSGSPEC


class _InvalidJson:
    """The type of `INVALID_JSON`."""


MAX_DEPTH: Final = 500
"""Levels of nesting. Whoever handles deeper documents runs out of frames; Python 3.13 can decode far deeper ones."""
SHALLOW_SIZE: Final = 2 * MAX_DEPTH
"""The most bytes of a document that cannot be nested deeper, since each level takes two brackets."""
# Compared by type, which takes a third of the time of isinstance: decoders return no subclasses.
_NESTED: Final = frozenset({dict, list})
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


def check_depth(content: bytes | str, document: Any, max_depth: int = MAX_DEPTH) -> Any:
    """The document that was decoded from this content. Raises ValueError if it is nested too deeply to be handled."""
    if _has_many_brackets(content):
        level = [document] if type(document) in _NESTED else []
        for _ in range(max_depth + 1):
            if not level:
                break
            values = [each.values() if type(each) is dict else each for each in level]
            level = [inner for members in values for inner in members if type(inner) in _NESTED]
        else:
            raise ValueError(f"it is nested deeper than {max_depth} levels")
    return document


def _has_many_brackets(content: bytes | str) -> bool:
    """Whether there are enough for too many levels: in large texts, finding them is faster than counting them all."""
    opened, find = 0, cast("Any", content.find)
    for bracket in (b"{", b"[") if isinstance(content, bytes) else ("{", "["):
        place = find(bracket)
        while place >= 0:
            opened += 1
            if opened > MAX_DEPTH:
                return True
            place = find(bracket, place + 1)
    return False


def decode(content: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """A document, or `INVALID_JSON`."""
    try:
        return check_depth(content, decode_strict(content), max_depth)
    except (ValueError, RecursionError):
        return decode_leniently(content, max_depth)


def decode_leniently(content: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """Reads other encodings, a byte order mark, lone surrogates and numbers beyond a float's range too."""
    try:
        return check_depth(content, json.loads(content, parse_constant=_refuse), max_depth)
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
    if not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, ensure_ascii=is_ascii)
    inner = None if margin is None else f"{margin}  "
    texts: list[str] = []
    # A loop, so that each level takes one frame: as deep as it was decoded, it can be encoded.
    for item in value:
        name, part = ("", item) if isinstance(value, list) else (json.dumps(item, ensure_ascii=is_ascii), value[item])
        colon = "" if isinstance(value, list) else ":" if margin is None else ": "
        texts.append(f"{inner or ''}{name}{colon}{encode_digits(part, is_ascii=is_ascii, margin=inner)}")
    begin, end = "[]" if isinstance(value, list) else "{}"
    return f"{begin}{','.join(texts)}{margin or ''}{end}"
