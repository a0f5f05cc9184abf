"""Parses successful responses, and attaches their metadata to the results."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve
from aurous_client.decoding import decode as decode_body
from aurous_client.errors import ParseError
from aurous_client.operations import AsyncEventStream, Operation, Response, SyncEventStream
from aurous_client.types import BytesResult, JsonObject, ListResult, TextResult

from .._config.secret import Secret
from .._error_body import printable
from .._json import INVALID_JSON, SHALLOW_SIZE, check_depth, decode, decode_leniently, decode_strict
from ..transport.effects import RawResponse
from ..types import ResponseContext, ResponseInfo, context_of
from .repair import Repaired, repair
from .retry import parse_date

_OUR_PACKAGES: Final = ("aurous", "aurous_client")


class _DictResult(dict[str, Any]):
    """An object of JSON, with the metadata of its response. Equal to a plain dict; pickled as one."""

    _origin: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


# Plain results have no room for their metadata.
_CARRIERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    dict: _DictResult,
    list: ListResult,
    str: TextResult,
    bytes: BytesResult,
}


ESSENTIAL: Final = frozenset({"choices", "usage", "credits_charged"})
"""Members without which a completion is of no use."""


def parse(operation: Operation[Any], response: RawResponse) -> Any:
    """The result of an operation, or `Repaired` for a completion that deviates from the contract; else the ParseError,
    else `INVALID_JSON`.

    The error is returned rather than raised, so that the frames of its traceback do not keep the response alive.
    """
    content_type = response.headers.get("content-type")
    form = operation.response_form(response.status_code, content_type) if operation.response_forms else operation
    try:
        if form.format == "json":
            try:
                document = decode_strict(response.content)
                if len(response.content) > SHALLOW_SIZE:
                    check_depth(response.content, document)
            except (ValueError, RecursionError):
                document = decode_leniently(response.content)
        else:
            document = decode_body(form.format, response.content, content_type, _decode_line)
    except ParseError as error:
        return error.with_traceback(None)
    except _InvalidLineError:
        return INVALID_JSON
    if document is INVALID_JSON:
        return INVALID_JSON
    try:
        return form.parse(document)
    except ParseError as error:
        if not _is_completion(document):
            return error.with_traceback(None)
    try:
        return repair(form.parse, document, essential=ESSENTIAL)
    except ParseError as error:
        return error.with_traceback(None)


def is_truncated(operation: Operation[Any], response: RawResponse) -> bool:
    """Whether a success was truncated, where the body's end is that of the connection and only its JSON can tell."""
    if response.is_framed or not response.is_success or response.body is not None:
        return False
    if operation.response_form(response.status_code, response.headers.get("content-type")).format != "json":
        return False
    return decode(response.content) is INVALID_JSON and response.content.lstrip()[:1] in (b"{", b"[", b"")


def describe_body(response: RawResponse) -> str:
    """How an error names a body that is not JSON."""
    if not response.content:
        return "an empty body"
    return f"{len(response.content)} bytes of {response.headers.get('content-type', 'no declared type')}"


def _is_completion(document: Any) -> bool:
    return isinstance(document, dict) and "choices" in document


class _InvalidLineError(ValueError):
    """A line that is not JSON."""


def _decode_line(line: bytes) -> Any:
    document = decode(line)
    if document is INVALID_JSON:
        raise _InvalidLineError
    return document


def response_info(
    result: JsonObject | list[Any] | str | bytes | SyncEventStream[Any] | AsyncEventStream[Any],
) -> ResponseInfo:
    """The metadata of a result, or of an open stream: request id, applied version, replay, rate limits, attempts.

    Raises TypeError for an object that is not the result of a call: one made by hand, a part of a result, or a copied
    or unpickled one.
    """
    context = context_of(result)
    if context is None:
        raise TypeError(f"this {type(result).__name__} is not the result of a call; pass what the call returned")
    return context.info


def make_response(
    operation: Operation[Any], raw: RawResponse, parsed: Any, info: ResponseInfo, key: Secret
) -> Response[Any]:
    """What a call returns. parsed: the result, or `Repaired`; key: redacted from the notes on what was repaired"""
    context = ResponseContext(info, raw.content, operation)
    if isinstance(parsed, Repaired):
        info = evolve(info, inconsistencies=tuple(map(key.redact, parsed.notes.values())))
        context = ResponseContext(info, json.dumps(parsed.document).encode(), operation)
        parsed = parsed.result
    result = attach(parsed, context)
    return Response(status_code=raw.status_code, headers=raw.headers, content=raw.content, parsed=result)


def attach(result: Any, context: ResponseContext) -> Any:
    """The result with the metadata of its response. None and numbers stay as they are, and have none."""
    kind: type[Any] = type(result)
    carrier: Any = _CARRIERS[kind](result) if kind in _CARRIERS else result
    if kind in _CARRIERS or isinstance(carrier, JsonObject):
        carrier._origin = context  # noqa: SLF001 - generated classes keep a member of this name free
    return carrier


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
