"""Parses decoded JSON into Python values, and reports where it does not fit.

A parser takes a value and returns what it stands for, or raises ParseError. Generated code checks the exact type of a
scalar itself, which is what makes it fast, and calls these functions for everything else.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .errors import ParseError
from .types import UNSET, Unset

T = TypeVar("T")


def members(value: Any) -> dict[str, Any]:
    """The members of an object that is no plain dict."""
    if not isinstance(value, Mapping):
        raise ParseError("an object", value)
    return dict(value)


def others(value: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The members that the spec does not name."""
    return {name: element for name, element in value.items() if name not in names}


def member(name: str, value: Any, parser: Callable[[Any], T]) -> T:
    """A required member of an object."""
    if value is UNSET:
        raise ParseError("a value", UNSET, (name,))
    try:
        return parser(value)
    except ParseError as error:
        raise error.within(name) from None
    except RecursionError:
        raise ParseError("fewer levels", value, (name,)) from None


def located(error: ParseError | RecursionError, *path: str | int) -> ParseError:
    """The error of a part of an object, as seen from the object."""
    if isinstance(error, RecursionError):
        return ParseError("fewer levels", UNSET, path)
    for step in reversed(path):
        error = error.within(step)
    return error


def optional(name: str, value: Any, parser: Callable[[Any], T]) -> T | Unset:
    """A member that may be left out; null is as good as that."""
    return UNSET if value is None else member(name, value, parser)


def array(value: Any, item: Callable[[Any], T]) -> list[T]:
    if type(value) is not list:
        raise ParseError("an array", value)
    made: list[T] = []
    append = made.append
    try:
        for element in value:
            append(item(element))
    except ParseError as error:
        # Never parse again to find the place: nested arrays would double the work at each level.
        raise error.within(len(made)) from None
    return made


def map_of(value: Mapping[str, Any], item: Callable[[Any], T]) -> dict[str, T]:
    """An object whose members all have one type and any name."""
    return {name: member(name, element, item) for name, element in value.items()}


def union(value: Any, *parsers: Callable[[Any], Any]) -> Any:
    """The first alternative that fits. If none does, raises the most specific error."""
    if value is None and null in parsers:
        return None
    errors = []
    for parser in parsers:
        try:
            return parser(value)
        except ParseError as error:
            # Its traceback would hold a frame that holds this list: a reference cycle.
            errors.append(error.with_traceback(None))
    raise ParseError.of_union(errors)


def constant(value: Any, expected: Any) -> Any:
    if value != expected or type(value) is not type(expected):
        raise ParseError(repr(expected), value, is_tag=True)
    return expected


def string(value: Any) -> str:
    if not isinstance(value, str):
        raise ParseError("a string", value)
    return value


def open_enum(value: Any) -> Any:
    """A string of which the spec lists the known values; unknown ones are kept."""
    return string(value)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ParseError("true or false", value)
    return value


def integer(value: Any) -> int:
    """A whole number; JSON may write it as 2.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ParseError("a whole number", value)
    return value


def number(value: Any) -> float:
    """A number, as a float: an integer too great for one is refused."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ParseError("a number", value)
    try:
        return float(value)
    except OverflowError:
        raise ParseError("a number within the range of a float", value) from None


def null(value: Any) -> None:
    if value is not None:
        raise ParseError("null", value)


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ParseError("an object", value)
    return value


def binary(value: Any) -> Any:
    """The bytes of a body, or a file that is to be uploaded."""
    if isinstance(value, (str, int, float, list, dict, type(None))):
        raise ParseError("bytes", value)
    return value


def anything(value: Any) -> Any:
    return value


def date_time(value: Any) -> datetime.datetime:
    # Imported here: it takes longer than the rest of this package, and few objects have a date.
    from dateutil.parser import isoparse

    try:
        made = isoparse(_dated(string(value), _DATE_LENGTH))
    except ValueError:
        raise ParseError("a date and time in ISO 8601", value) from None
    # One without an offset, which RFC 3339 asks for, is taken for UTC: it could not be compared with any other.
    offset = made.utcoffset() or datetime.timedelta()
    return made.replace(tzinfo=datetime.timezone(offset))


def date(value: Any) -> datetime.date:
    from dateutil.parser import isoparser

    try:
        return isoparser().parse_isodate(_dated(string(value), _SHORT_DATE_LENGTH))
    except ValueError:
        raise ParseError("a date in ISO 8601", value) from None


_DATE_LENGTH = len("2026-05-15")
_SHORT_DATE_LENGTH = len("20260515")


def _dated(text: str, least: int) -> str:
    """A text that is long enough to have a day; dateutil would complete a year."""
    if len(text) < least:
        raise ValueError
    return text


def uuid_value(value: Any) -> uuid.UUID:
    try:
        return uuid.UUID(string(value))
    except ValueError:
        raise ParseError("a UUID", value) from None
