"""Parses successful responses, and attaches their metadata to the results."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any, Final

from aurous_client.errors import ParseError
from aurous_client.operations import Operation
from aurous_client.types import JsonObject

from .._error_body import printable
from .._json import INVALID_JSON, decode
from ..types import ResponseContext, ResponseInfo, context_of
from .repair import repair
from .retry import parse_date

_OUR_PACKAGES: Final = ("aurous", "aurous_client")


ESSENTIAL: Final = frozenset({"choices", "usage", "credits_charged"})
"""Members without which a completion is of no use."""


def parse(operation: Operation[Any], content: bytes) -> Any:
    """The result of an operation, or `Repaired` for a completion that is not quite to the letter; else the ParseError,
    else `INVALID_JSON`.

    The error is returned rather than raised, so that the frames of its traceback do not keep the response alive.
    """
    document = decode(content) if operation.has_body else None
    if document is INVALID_JSON:
        return INVALID_JSON
    try:
        return operation.parse(document)
    except ParseError as error:
        if not _is_completion(document):
            return error.with_traceback(None)
    try:
        return repair(operation.parse, document, essential=ESSENTIAL)
    except ParseError as error:
        return error.with_traceback(None)


def _is_completion(document: Any) -> bool:
    return isinstance(document, dict) and "choices" in document


def response_info(result: JsonObject) -> ResponseInfo:
    """The metadata of a result: request id, applied version, replay, rate limits, attempts.

    Raises TypeError for an object that is not the result of a call: one made by hand, a part of a result, or a copied
    or unpickled one.
    """
    context = context_of(result)
    if context is None:
        raise TypeError(f"this {type(result).__name__} did not come from a response; ask the result of the call itself")
    return context.info


def attach(result: Any, context: ResponseContext) -> None:
    """Attach the metadata of its response to a result."""
    if isinstance(result, JsonObject):
        result._origin = context


def warn_of_deprecation(headers: Mapping[str, str]) -> None:
    """Turn `Aurous-Deprecated` and `Sunset` into a DeprecationWarning at the caller's line. Page: changelog."""
    deprecated, sunset = headers.get("aurous-deprecated"), headers.get("sunset")
    if deprecated is None and sunset is None:
        return
    moment = parse_date(sunset)
    date = printable(sunset or "") if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
    until = f"; it ends on {date}" if sunset else ""
    message = f"Aurous deprecates what this call uses ({printable(deprecated or 'not named')}){until}"
    warnings.warn(message, DeprecationWarning, stacklevel=caller_level())


def caller_level() -> int:
    """The `stacklevel` of the first frame outside this package and the generated one."""
    level, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OUR_PACKAGES:
        level, frame = level + 1, frame.f_back
    return level + 1
