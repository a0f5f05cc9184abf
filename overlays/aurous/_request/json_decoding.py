"""JSON of an answer: decoded, and read as the result of an operation. Never raises; knows no HTTP."""

from __future__ import annotations

import json
from typing import Any, Final

from aurous_client.errors import ParseError
from aurous_client.operations import Operation


class _NoJson:
    """The type of `NO_JSON`."""


NO_JSON: Final = _NoJson()
"""What stands for bytes that are no JSON; None will not do, since null is."""


def decode(content: bytes) -> Any:
    """A document, or `NO_JSON`."""
    try:
        # `loads` makes a decoder for each text that is to be decoded in a way of its own.
        return _DECODER.decode(content.decode())
    except RecursionError:
        return NO_JSON
    except ValueError:
        return _decode_otherwise(content)


def parse(operation: Operation[Any], content: bytes) -> Any:
    """The result of an operation, or the ParseError that keeps it from being one, or `NO_JSON`.

    Returned, not raised: the frames of a fault hold all of the answer, and its reader needs no more than the place.
    """
    decoded = decode(content) if operation.has_body else None
    if decoded is NO_JSON:
        return NO_JSON
    try:
        return operation.parse(decoded)
    except ParseError as fault:
        return fault.with_traceback(None)


def _decode_otherwise(content: bytes) -> Any:
    """What is in another encoding, or has a byte order mark; neither is told of in a header."""
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NO_JSON


def _refuse(name: str) -> Any:
    """Python reads NaN and Infinity; JSON does not have them, and nothing can be charged by them."""
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
