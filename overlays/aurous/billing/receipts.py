"""Reads receipts to the digit and checks their sums.

Pages: api-reference/chat/pricing, guides/cost-transparency.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from attrs import evolve
from aurous_client.types import UNSET, JsonObject

from ..errors import APIResponseValidationError
from ..types import Receipt, ReceiptWarning, ResponseInfo, context_of
from ._decimal import EXACT, total

# The documentation's sums hold to four decimals.
TOLERANCE: Final = Decimal("0.0001")
# No honest figure has more; one with an exponent of a million would take all memory.
_MAX_DIGITS: Final = 40
_TOO_LARGE: Final = 10**_MAX_DIGITS


def receipt(completion: JsonObject) -> Receipt:
    """The receipt of a completion, or of any other object with a `usage`.

    Raises TypeError for an object without one.
    """
    context = context_of(completion)
    written = None if context is None else usage_of(context.content)
    replayed = context is not None and context.info.is_charged_before
    usage = getattr(completion, "usage", None)
    if written is None:
        if not isinstance(usage, JsonObject):
            raise TypeError(f"this {type(completion).__name__} has no usage, so there is no receipt")
        # The repr of a float is the shortest text for it, which is what the server wrote.
        written = json.loads(json.dumps(usage.to_dict()), parse_float=parse_decimal)
    return read_receipt(str(getattr(completion, "id", "")), written, replayed=replayed)


def read_receipt(completion_id: str, usage: Mapping[str, Any], *, replayed: bool = False) -> Receipt:
    """A receipt from a decoded `usage` whose fractions are Decimal."""
    breakdown = usage.get("breakdown")
    parts = breakdown if isinstance(breakdown, Mapping) else {}
    result = Receipt(
        completion_id=completion_id,
        model=str(parts.get("model", "")),
        pricing_version=_integer(parts.get("pricing_version")),
        credits=_decimal(usage.get("credits_charged")),
        input_credits=_decimal(parts.get("input_credits")),
        output_credits=_decimal(parts.get("output_credits")),
        reasoning_credits=_decimal(parts.get("reasoning_credits")),
        prompt_tokens=_integer(usage.get("prompt_tokens")),
        completion_tokens=_integer(usage.get("completion_tokens")),
        reasoning_tokens=_integer(usage.get("reasoning_tokens")),
        total_tokens=_integer(usage.get("total_tokens")),
        replayed=replayed,
    )
    warnings = tuple(map(ReceiptWarning, _disagreements(result)))
    return evolve(result, warnings=warnings) if warnings else result


def usage_of(document: bytes) -> Mapping[str, Any] | None:
    """The `usage` of a JSON document, with fractions as Decimal; None without one."""
    usage = _find_usage(document)
    return usage if isinstance(usage, dict) else _decode_usage(document)


def receipt_of_error(error: APIResponseValidationError) -> Receipt | None:
    """The receipt in a response that is otherwise invalid, which was charged all the same; None without one."""
    document, usage = _decode(error.content), _decode_usage(error.content)
    if usage is None or not isinstance(usage.get("credits_charged"), (int, float, Decimal)):
        return None
    info = ResponseInfo(status_code=error.status_code, headers=error.headers, attempts=error.attempts)
    return read_receipt(str(document.get("id", "")), usage, replayed=info.is_charged_before)


def has_usage(result: object) -> bool:
    """Whether a result has a `usage`, and so a receipt."""
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


def _decode(content: bytes) -> Mapping[str, Any]:
    """A response's body with exact decimals; empty if it is no object."""
    try:
        document = json.loads(content, parse_float=parse_decimal)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _decode_usage(content: bytes) -> Mapping[str, Any] | None:
    usage = _decode(content).get("usage")
    return usage if isinstance(usage, dict) else None


def _find_usage(content: bytes) -> Any:
    """The usage, without decoding the rest again; None if its name does not tell where it is."""
    _, _, rest = content.partition(_USAGE)
    # Another name may be the same once its escapes are decoded.
    if not rest or _USAGE in rest or b"\\u" in content:
        return None
    try:
        text = rest.decode().lstrip(_SPACE)
        return _EXACT_DECODER.raw_decode(text[1:].lstrip(_SPACE))[0] if text.startswith(":") else None
    except (ValueError, ArithmeticError, RecursionError):
        return None


def parse_decimal(text: str) -> Decimal:
    """A JSON number to the digit; 0 for one that no receipt can have. For `parse_float`."""
    try:
        return _decimal(Decimal(text))
    except InvalidOperation:
        return Decimal(0)


_USAGE: Final = b'"usage"'
_SPACE: Final = " \t\r\n"
_EXACT_DECODER: Final = json.JSONDecoder(parse_float=Decimal)


def _integer(value: object) -> int:
    """A count; 0 as in `_decimal`."""
    return value if type(value) is int and -_TOO_LARGE < value < _TOO_LARGE else int(_decimal(value))


def _decimal(value: object) -> Decimal:
    """A figure of a receipt. A missing or impossible one is 0, and then the sums do not add up."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return Decimal(0)
    figure = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    fits = figure.is_finite() and abs(figure.adjusted()) <= _MAX_DIGITS
    return figure if fits else Decimal(0)
