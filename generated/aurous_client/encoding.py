"""Encodes arguments for the wire: JSON bytes, path segments, queries and headers. Other bodies are in `files`."""

from __future__ import annotations

import copy
import datetime
import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from .errors import EncodeError
from .types import UNSET, JsonObject

# What RFC 9110 lets into a field's name and value, less the obsolete bytes over 0x7F.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
_INFINITE = (float("inf"), float("-inf"))
_SCALARS = (str, int, float, type(None))
_MAX_SEARCH_DEPTH = 2000
# `json.dumps` makes an encoder for each call that sets an option.
_encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_NAIVE = "a time needs an offset, as datetime.now(datetime.UTC) has one"


def encode(value: Any) -> Any:
    """A value of a model, or a plain one, as JSON has it: models and sequences resolved, absent members left out.

    What JSON does not have stays as it is, for `to_json` to tell where it stands. Raises EncodeError for a name that is
    no string.
    """
    if isinstance(value, _SCALARS):
        return value
    # Before the abstract classes, whose check takes longer than all else here.
    if value.__class__ is list:
        return [encode(element) for element in value]
    if isinstance(value, JsonObject):
        return value.to_dict()
    if value.__class__ is dict or isinstance(value, Mapping):
        encoded = {}
        for name, member in value.items():
            if not isinstance(name, str):  # json.dumps would silently turn 1 and None into names.
                raise EncodeError(f"{name!r} cannot be the name of a member")
            if member is not UNSET:
                encoded[name] = encode(member)
        return encoded
    if isinstance(value, datetime.datetime):
        # One without an offset would mean another moment to each server: left for `to_json` to refuse.
        return value if value.tzinfo is None else value.isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [encode(element) for element in value]
    # Imported here because it is slow to load and few bodies need it.
    import uuid

    return str(value) if isinstance(value, uuid.UUID) else value


# Converts a class that was passed as a value. None until a package that can sets it, as `aurous` does.
class_converter: Callable[[type[Any]], Any] | None = None


def convert_class(value: Any) -> Any:
    """The value; a class is converted by `class_converter`."""
    return class_converter(value) if class_converter is not None and isinstance(value, type) else value


def merge_body(
    members: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    *,
    required: Iterable[str] = (),
    nullable: Container[str] = (),
) -> dict[str, Any]:
    """The members that have a value, and on top of them the extra ones. None is a value of those that may be null.

    Raises EncodeError for a required member without a value.
    """
    merged = {name: value for name, value in members.items() if value is not None or name in nullable}
    merged.update(extra or {})
    require({name: merged.get(name) for name in required if name not in nullable})
    return merged


def require(arguments: Mapping[str, Any]) -> None:
    """Raise EncodeError for a required argument without a value."""
    for name, value in arguments.items():
        if value is None or value is UNSET:
            raise EncodeError(f"{name}: it is required, and {value} is no value for it")


def comma_separated(name: str, values: Any) -> Any:
    """The elements of a sequence in one value, as queries without `explode` and headers have them."""
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes, bytearray, memoryview)):
        return values
    return ",".join(_text(name, element) for element in values)


def to_header(name: str, value: Any) -> Any:
    """The text of a header that is no string: a number, a time, or a sequence."""
    if value is None or value is UNSET or isinstance(value, str):
        return value
    return comma_separated(name, value) if isinstance(value, Sequence) else _text(name, value)


def to_json(body: Any) -> bytes:
    """The body in UTF-8, compact. Raises EncodeError, which tells the place, for what JSON cannot hold."""
    try:
        return _encode_json(encode(body)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    # Outside the handler, and iteratively: the body may be nested deeper than the stack.
    raise EncodeError(": ".join(next(_invalid_parts(body), ("body", reason))))


def to_segment(name: str, value: Any) -> str:
    """A path parameter, percent-encoded. Raises EncodeError for one that would lead to another path."""
    text = _text(name, value)
    if text in ("", ".", ".."):
        raise EncodeError(f"{name}: {text!r} cannot stand in a path")
    return quote(text, safe="")


def to_query(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The query parameters that have a value; a sequence becomes one pair for each of its elements.

    Raises EncodeError for what cannot be sent.
    """
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if value is None or value is UNSET:
            continue
        if not isinstance(name, str) or not is_utf8(name):
            raise EncodeError(f"{name!r} cannot be the name of a parameter")
        is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))
        pairs += [(name, _text(name, element)) for element in (value if is_list else [value])]
    return tuple(pairs)


def to_headers(parameters: Mapping[str, Any], extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The header parameters that have a value; an extra one replaces one of the same name, in whichever case.

    Raises EncodeError for what HTTP cannot carry, without repeating it: it may be a secret.
    """
    headers: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for name, value in [*parameters.items(), *(extra or {}).items()]:
        if value is None or value is UNSET:
            continue
        known = _canonical_name(name) if isinstance(name, str) else None
        if known is None:
            raise EncodeError(f"{name!r} cannot be the name of a header")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise EncodeError(f"{name}: a header must be a string of printable ASCII, without spaces at its ends")
        if known in spelling:
            del headers[spelling[known]]
        spelling[known] = name
        headers[name] = value
    return headers


@lru_cache(maxsize=128)
def _canonical_name(name: str) -> str | None:
    """A header's name in lower case, which tells it from others; None for what cannot be one."""
    return name.lower() if _HEADER_NAME.fullmatch(name) else None


def _text(name: str, value: Any) -> str:
    """A scalar in a path or a query, as JSON writes it, but text without quotes."""
    encoded = encode(value)
    if isinstance(encoded, str):
        if not is_utf8(encoded):
            raise EncodeError(f"{name}: it holds a lone surrogate, which UTF-8 cannot carry")
        return str(encoded)
    if isinstance(encoded, datetime.datetime):
        raise EncodeError(f"{name}: {_NAIVE}")
    if not isinstance(encoded, (int, float)) or encoded != encoded or encoded in _INFINITE:
        shown = value if isinstance(value, (float, type(None), type(UNSET))) else type(value).__name__
        raise EncodeError(f"{name}: {shown} cannot stand in a path or a query")
    return json.dumps(encoded)


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can carry a text, which is not so where a lone surrogate is in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Unencoded:
    """Wraps a value so that `to_dict` leaves it unencoded."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _invalid_parts(body: Any) -> Iterator[tuple[str, str]]:
    """Where a body cannot be sent, and why."""
    waiting: list[tuple[Any, str, tuple[int, ...]]] = [(body, "body", ())]
    while waiting:
        value, place, above = waiting.pop()
        if id(value) in above:
            yield place, "it contains itself"
            continue
        if len(above) > _MAX_SEARCH_DEPTH:
            yield "body", "nested too deeply"
            return
        reason = _reason(value)
        if reason:
            yield place, reason
        else:
            inner = [(member, f"{place}{step}", (*above, id(value))) for step, member in _inside(value)]
            waiting += reversed(inner)


def _reason(value: Any) -> str | None:
    """Why a value, apart from what is inside it, cannot be sent."""
    import uuid

    if isinstance(value, str):
        return None if is_utf8(value) else "it holds a lone surrogate, which UTF-8 cannot carry"
    if isinstance(value, float):
        return f"JSON has no {value}" if value != value or value in _INFINITE else None
    if isinstance(value, datetime.datetime):
        return None if value.tzinfo else _NAIVE
    if value is UNSET:
        return "UNSET is for members that are left out; it cannot stand here"
    if isinstance(value, Mapping):
        bad_names = [name for name in value if not isinstance(name, str) or not is_utf8(name)]
        return f"{bad_names[0]!r} cannot be the name of a member" if bad_names else None
    known = (*_SCALARS, JsonObject, Sequence, datetime.date, uuid.UUID)
    if isinstance(value, (bytes, bytearray, memoryview)) or not isinstance(value, known):
        return f"{type(value).__name__} is not a type that JSON has"
    return None


def _inside(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, JsonObject):
        return [(f".{name}", wrapped.value) for name, wrapped in _members(value).items()]
    if isinstance(value, Mapping):
        return [(f".{name}", member) for name, member in value.items() if member is not UNSET]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [(f"[{index}]", element) for index, element in enumerate(value)]
    return ()


def _members(model: Any) -> dict[str, _Unencoded]:
    """The members of a model by their names in JSON, none of them encoded."""
    from attrs import fields

    shell = copy.copy(model)
    for attribute in fields(type(model)):
        value = getattr(model, attribute.name)
        if attribute.name == "additional_properties":
            shell.additional_properties = {str(name): _Unencoded(member) for name, member in value.items()}
        elif value is not UNSET:
            setattr(shell, attribute.name, _Unencoded(value))
    return {
        name: wrapped if isinstance(wrapped, _Unencoded) else _Unencoded(wrapped)
        for name, wrapped in shell.to_dict().items()
    }
