"""Reads receipts to the digit and checks their sums. Knows no HTTP.

Pages: api-reference/chat/pricing, guides/cost-transparency.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from attrs import evolve, frozen
from aurous_client.types import UNSET, JsonObject

from .._request.response_info import ResponseInfo, origin_of
from ..errors import APIResponseValidationError
from .exact_sum import EXACT, total

# The documentation's sums hold to four decimals.
TOLERANCE: Final = Decimal("0.0001")
# No charge and no count has so many digits; a figure with an exponent of a million would take all memory.
_MOST_DIGITS: Final = 40
_TOO_LARGE: Final = 10**_MOST_DIGITS


class ReceiptWarning(UserWarning):
    """Figures of a receipt that do not agree with one another. Carried by the receipt; never a failed call."""


@frozen(kw_only=True)
class Receipt:
    """What a completion cost, in credits to the digit that the server wrote, and in tokens."""

    completion_id: str
    model: str
    """The model that was billed."""
    pricing_version: int
    """Which rate card applied."""
    credits: Decimal
    """The charge; the authoritative figure."""
    input_credits: Decimal
    output_credits: Decimal
    reasoning_credits: Decimal
    """0 where there was no reasoning."""
    prompt_tokens: int
    completion_tokens: int
    """Visible ones."""
    reasoning_tokens: int
    total_tokens: int
    replayed: bool = False
    """Whether this is the receipt of an earlier call, whose answer came again uncharged."""
    warnings: tuple[ReceiptWarning, ...] = ()
    """What does not add up; empty on a sound receipt."""


def receipt(completion: JsonObject) -> Receipt:
    """The receipt of a completion, or of anything else that carries a `usage`.

    Raises TypeError for an object without one.
    """
    origin = origin_of(completion)
    found = None if origin is None else usage_of(origin.content)
    replayed = origin is not None and origin.info.is_charged_before
    usage = getattr(completion, "usage", None)
    if found is None:
        if not isinstance(usage, JsonObject):
            raise TypeError(f"this {type(completion).__name__} has no usage, so there is no receipt")
        # A float prints the shortest digits that stand for it, which are those that the server wrote.
        found = json.loads(json.dumps(usage.to_dict()), parse_float=parse_decimal)
    return read_receipt(str(getattr(completion, "id", "")), found, replayed=replayed)


def read_receipt(completion_id: str, usage: Mapping[str, Any], *, replayed: bool = False) -> Receipt:
    """A receipt from a decoded `usage`, its numbers Decimal where they have a fraction."""
    breakdown = usage.get("breakdown")
    parts = breakdown if isinstance(breakdown, Mapping) else {}
    made = Receipt(
        completion_id=completion_id,
        model=str(parts.get("model", "")),
        pricing_version=_whole(parts.get("pricing_version")),
        credits=_decimal(usage.get("credits_charged")),
        input_credits=_decimal(parts.get("input_credits")),
        output_credits=_decimal(parts.get("output_credits")),
        reasoning_credits=_decimal(parts.get("reasoning_credits")),
        prompt_tokens=_whole(usage.get("prompt_tokens")),
        completion_tokens=_whole(usage.get("completion_tokens")),
        reasoning_tokens=_whole(usage.get("reasoning_tokens")),
        total_tokens=_whole(usage.get("total_tokens")),
        replayed=replayed,
    )
    warnings = tuple(map(ReceiptWarning, _disagreements(made)))
    return evolve(made, warnings=warnings) if warnings else made


def usage_of(document: bytes) -> Mapping[str, Any] | None:
    """The usage in a JSON document, its numbers Decimal where they have a fraction. None where it has none."""
    usage = _usage_by_its_name(document)
    return usage if isinstance(usage, dict) else _written_usage(document)


def salvage(error: APIResponseValidationError) -> Receipt | None:
    """The receipt of an answer that could not be read otherwise; it was charged all the same. None without one."""
    written, usage = _written(error.content), _written_usage(error.content)
    if usage is None or not isinstance(usage.get("credits_charged"), (int, float, Decimal)):
        return None
    info = ResponseInfo(status_code=error.status_code, headers=error.headers, attempts=error.attempts)
    return read_receipt(str(written.get("id", "")), usage, replayed=info.is_charged_before)


def has_usage(result: object) -> bool:
    """Whether there is a receipt in a result."""
    return isinstance(getattr(result, "usage", UNSET), JsonObject)


def _disagreements(entry: Receipt) -> Iterator[str]:
    tokens = entry.prompt_tokens + entry.completion_tokens + entry.reasoning_tokens
    if tokens != entry.total_tokens:
        yield f"total_tokens is {entry.total_tokens}, its parts are {tokens}"
    credits = total((entry.input_credits, entry.output_credits, entry.reasoning_credits))
    if EXACT.subtract(credits, entry.credits).copy_abs() > TOLERANCE:
        yield f"credits_charged is {entry.credits}, its parts are {credits}"
    if min(entry.credits, entry.input_credits, entry.output_credits, entry.reasoning_credits) < 0:
        yield "a figure in credits is negative"
    if min(entry.prompt_tokens, entry.completion_tokens, entry.reasoning_tokens) < 0:
        yield "a number of tokens is negative"


def _written(content: bytes) -> Mapping[str, Any]:
    """A response's own bytes, whose decimals are exact; nothing where they are no object."""
    try:
        document = json.loads(content, parse_float=parse_decimal)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _written_usage(content: bytes) -> Mapping[str, Any] | None:
    usage = _written(content).get("usage")
    return usage if isinstance(usage, dict) else None


def _usage_by_its_name(content: bytes) -> Any:
    """The usage, without decoding all else again; None where its name does not tell where it is."""
    _, _, behind = content.partition(_USAGE)
    # Another may have its name in escapes.
    if not behind or _USAGE in behind or b"\\u" in content:
        return None
    try:
        text = behind.decode().lstrip(_SPACE)
        return _EXACT_DECODER.raw_decode(text[1:].lstrip(_SPACE))[0] if text.startswith(":") else None
    except (ValueError, ArithmeticError, RecursionError):
        return None


def parse_decimal(text: str) -> Decimal:
    """A number of a JSON document to the digit; 0 for one that no receipt has. For `parse_float`."""
    try:
        return _decimal(Decimal(text))
    except InvalidOperation:
        return Decimal(0)


_USAGE: Final = b'"usage"'
_SPACE: Final = " \t\r\n"
_EXACT_DECODER: Final = json.JSONDecoder(parse_float=Decimal)


def _whole(value: object) -> int:
    """A count, or 0 as for `_decimal`."""
    return value if type(value) is int and -_TOO_LARGE < value < _TOO_LARGE else int(_decimal(value))


def _decimal(value: object) -> Decimal:
    """A figure of a receipt; one that is absent or no such number counts as 0, and the sums will tell."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return Decimal(0)
    made = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    fits = made.is_finite() and abs(made.adjusted()) <= _MOST_DIGITS
    return made if fits else Decimal(0)
