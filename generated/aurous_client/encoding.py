"""Turns arguments into what is sent: JSON bytes, path segments, queries and headers. Refuses what cannot be sent."""

from __future__ import annotations

import datetime
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .errors import EncodeError
from .types import UNSET, JsonObject

# What RFC 9110 lets into a field value, less the obsolete bytes over 0x7F.
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_SCALARS = (str, int, float, type(None))


def encode(value: Any) -> Any:
    """A value of a model, or a plain one, as JSON has it: models and sequences resolved, absent members left out."""
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, JsonObject):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: encode(member) for name, member in value.items() if member is not UNSET}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [encode(element) for element in value]
    return value


def given(members: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The members that have a value, and on top of them the extra ones."""
    return {**{name: value for name, value in members.items() if value is not None}, **(extra or {})}


def to_json(body: Any) -> bytes:
    """The body in UTF-8, compact. Raises EncodeError, which tells the place, for what JSON cannot hold."""
    encoded: Any = body
    try:
        encoded = encode(body)
        return json.dumps(encoded, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise EncodeError("body: nested too deeply, or it contains itself") from None
    except (TypeError, ValueError) as error:
        place, reason = next(_faults(encoded, "body"), ("body", str(error)))
        raise EncodeError(f"{place}: {reason}") from None


def to_segment(name: str, value: str) -> str:
    """A path parameter, percent-encoded. Raises EncodeError for one that would lead to another path."""
    text = str(value)
    if text in ("", ".", ".."):
        raise EncodeError(f"{name}: {text!r} cannot stand in a path")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise EncodeError(f"{name}: it holds a lone surrogate, which cannot be sent") from None


def to_query(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The query parameters that have a value; a sequence becomes one pair for each of its elements."""
    pairs = []
    for name, value in parameters.items():
        if value is None or value is UNSET:
            continue
        encoded = encode(value)
        for element in encoded if isinstance(encoded, list) else [encoded]:
            pairs.append((name, element if isinstance(element, str) else json.dumps(element)))
    return tuple(pairs)


def to_headers(parameters: Mapping[str, Any], extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The header parameters that have a value. Raises EncodeError for one that HTTP cannot carry."""
    headers: dict[str, str] = {}
    for name, value in {**parameters, **(extra or {})}.items():
        if value is None or value is UNSET:
            continue
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise EncodeError(f"{name}: a header must be a string of printable ASCII characters")
        headers[name] = value
    return headers


def _faults(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Where an encoded body is not JSON, and why."""
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            yield place, "it holds a lone surrogate, which UTF-8 cannot carry"
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            yield place, f"JSON has no {value}"
    elif isinstance(value, dict):
        for name, member in value.items():
            if isinstance(name, str):
                yield from _faults(name, f"a name in {place}")
                yield from _faults(member, f"{place}.{name}")
            else:
                yield place, f"the names of an object are strings, {name!r} is not"
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _faults(element, f"{place}[{index}]")
    elif value is UNSET:
        yield place, "UNSET is for members that are left out; it cannot stand in an array"
    elif not isinstance(value, _SCALARS):
        yield place, f"{type(value).__name__} is not a type that JSON has"
