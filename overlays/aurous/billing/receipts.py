"""Reads receipts to the digit and checks their sums.

Pages: api-reference/chat/pricing, guides/cost-transparency.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from attrs import evolve
from aurous_client.operations import AsyncEventStream, Charge, Operation, SyncEventStream
from aurous_client.types import UNSET, JsonObject

from ..errors import APIResponseValidationError
from ..types import Receipt, ReceiptWarning, ResponseInfo, context_of

# Independent of the precision and traps that the program has set for its own decimals.
EXACT: Final = Context(prec=100, traps=[])
# The documentation's sums hold to four decimals.
TOLERANCE: Final = Decimal("0.0001")
# No honest figure has more; one with an exponent of a million would take all memory.
_MAX_DIGITS: Final = 40
_TOO_LARGE: Final = 10**_MAX_DIGITS


def receipt(completion: JsonObject | SyncEventStream[Any] | AsyncEventStream[Any]) -> Receipt:
    """The receipt of a completion, of the result of any other call that is charged, or of a stream of events.

    Raises TypeError for an object that has no price.
    """
    context = context_of(completion)
    if context is not None and context.receipts:
        return context.receipts[0]
    operation = None if context is None else context.operation
    charge = _COMPLETION if operation is None or operation.charge is None else operation.charge
    member = None if context is None else _find_member(context.content, charge.amount[0])
    if member is None:
        member = _member_of(completion, charge.amount[0]) if isinstance(completion, JsonObject) else None
        if member is None and (operation is None or operation.charge is None):
            raise TypeError(f"this {type(completion).__name__} has no {charge.amount[0]}, so there is no receipt")
    result = _read(
        charge,
        member,
        completion_id=str(getattr(completion, "id", "") or ""),
        model=str(getattr(completion, "model", "") or "") or (operation.id if operation else ""),
        replayed=context is not None and context.info.is_charged_before,
        held=_is_held(charge, lambda name: getattr(completion, name, None)),
    )
    if context is not None:
        context.receipts.append(result)
    return result


def read_receipt(completion_id: str, usage: Mapping[str, Any]) -> Receipt:
    """The receipt of a completion, from a decoded `usage` whose fractions are Decimal."""
    return _read(_COMPLETION, usage, completion_id=completion_id)


def _is_held(charge: Charge, value_of: Callable[[str], object]) -> bool:
    """Whether the amount is held, and not charged yet. value_of: the value of a member of the response"""
    if charge.held_while is None:
        return False
    member, values = charge.held_while
    return value_of(member) in values


def _read(
    charge: Charge,
    member: object,
    *,
    completion_id: str,
    model: str = "",
    replayed: bool = False,
    held: bool = False,
) -> Receipt:
    """A receipt from the member that leads to the amount, whose fractions are Decimal. model: if it names none"""
    amount = member
    for name in charge.amount[1:]:
        amount = _object(amount).get(name)
    usage = _object(member) if charge.amount[0] == _USAGE else {}
    parts = _object(usage.get("breakdown"))
    result = Receipt(
        completion_id=completion_id,
        model=str(parts.get("model", "")) or model,
        pricing_version=_integer(parts.get("pricing_version")),
        credits=_decimal(amount),
        has_amount=_is_number(amount),
        held=held,
        input_credits=_decimal(parts.get("input_credits")),
        output_credits=_decimal(parts.get("output_credits")),
        reasoning_credits=_decimal(parts.get("reasoning_credits")),
        prompt_tokens=_integer(usage.get("prompt_tokens")),
        completion_tokens=_integer(usage.get("completion_tokens")),
        reasoning_tokens=_integer(usage.get("reasoning_tokens")),
        total_tokens=_integer(usage.get("total_tokens")),
        replayed=replayed,
    )
    if charge.amount == _COMPLETION.amount and _adds_up(result):
        return result
    # Some break their price down by other parts than those of a completion.
    checks_sum = charge.amount == _COMPLETION.amount and (not parts or any(name in parts for name in _PARTS))
    warnings = tuple(map(ReceiptWarning, _disagreements(result, charge, checks_sum=checks_sum)))
    return evolve(result, warnings=warnings) if warnings else result


def usage_of(document: bytes) -> Mapping[str, Any] | None:
    """The `usage` of a JSON document, with fractions as Decimal; None without one."""
    usage = _find_member(document, _USAGE)
    return usage if isinstance(usage, dict) else None


def receipt_of_error(error: APIResponseValidationError, operation: Operation[Any]) -> Receipt | None:
    """The receipt in a response that is otherwise invalid, which was charged all the same; None without one."""
    if operation.charge is None:
        return None
    info = ResponseInfo(status_code=error.status_code, headers=error.headers, attempts=error.attempts)
    result = receipt_in(error.content, operation, replayed=info.is_charged_before)
    return result if result.has_amount else None


def receipt_in(content: bytes, operation: Operation[Any], *, replayed: bool = False) -> Receipt:
    """The receipt in a document of a charged operation: a response, or an event of its stream."""
    charge, document = operation.charge or _COMPLETION, _decode(content)
    return _read(
        charge,
        document.get(charge.amount[0]),
        completion_id=str(document.get("id") or ""),
        model=str(document.get("model") or operation.id),
        replayed=replayed,
        held=_is_held(charge, document.get),
    )


def has_usage(result: object) -> bool:
    """Whether a result has a `usage`, and so a receipt."""
    return isinstance(getattr(result, "usage", UNSET), JsonObject)


def _adds_up(entry: Receipt) -> bool:
    """Whether a receipt is consistent. Checked first, since it nearly always is."""
    credits = EXACT.add(EXACT.add(entry.input_credits, entry.output_credits), entry.reasoning_credits)
    tokens = entry.prompt_tokens + entry.completion_tokens + entry.reasoning_tokens
    signed = (entry.input_credits, entry.output_credits, entry.reasoning_credits)
    return (
        entry.has_amount
        and credits == entry.credits
        and tokens == entry.total_tokens
        and entry.prompt_tokens >= 0 <= entry.completion_tokens
        and entry.reasoning_tokens >= 0
        and not any(map(Decimal.is_signed, signed))
    )


def _disagreements(entry: Receipt, charge: Charge, *, checks_sum: bool) -> Iterator[str]:
    if not entry.has_amount:
        yield f"the response has no {'.'.join(charge.amount)}"
    tokens = entry.prompt_tokens + entry.completion_tokens + entry.reasoning_tokens
    if tokens != entry.total_tokens:
        yield f"total_tokens is {entry.total_tokens}, its parts are {tokens}"
    if checks_sum:
        credits = EXACT.add(EXACT.add(entry.input_credits, entry.output_credits), entry.reasoning_credits)
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


def _member_of(result: JsonObject, name: str) -> Any:
    """A member of an object made by hand, or copied. None without it."""
    member = result.to_dict().get(name)
    # The repr of a float is the shortest text for it, which is what the server wrote.
    return json.loads(json.dumps(member), parse_float=parse_decimal)


def _find_member(content: bytes, name: str) -> Any:
    """A member of a JSON document, with exact decimals; None without it."""
    quoted = _quoted(name)
    _, _, rest = content.partition(quoted)
    # Decode nothing but the member, where its name tells where it is: another may be the same without its escapes. Most
    # responses have no backslash, and one byte is found absent in a quarter of the time that two take.
    if rest and quoted not in rest and (b"\\" not in content or b"\\u" not in content):
        try:
            text = rest.decode().lstrip(_SPACE)
            if text.startswith(":"):
                return _EXACT_DECODER.raw_decode(text[1:].lstrip(_SPACE))[0]
        except (ValueError, ArithmeticError, RecursionError):
            pass
    return _decode(content).get(name)


@lru_cache(maxsize=64)
def _quoted(name: str) -> bytes:
    """The name of a member as JSON has it."""
    return json.dumps(name).encode()


def parse_decimal(text: str) -> Decimal:
    """A JSON number to the digit; 0 for one that no receipt can have. For `parse_float`."""
    try:
        return _decimal(Decimal(text))
    except InvalidOperation:
        return Decimal(0)


def _object(value: object) -> Mapping[str, Any]:
    """The value if it is an object of JSON, else an empty one."""
    # Nearly always a dict: checked first, since the check of an abstract class is slow.
    return value if isinstance(value, (dict, Mapping)) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (Decimal, int, float)) and not isinstance(value, bool)


_USAGE: Final = "usage"
_COMPLETION: Final = Charge(amount=(_USAGE, "credits_charged"))
_ZERO: Final = Decimal(0)
_PARTS: Final = ("input_credits", "output_credits", "reasoning_credits")
_SPACE: Final = " \t\r\n"
_EXACT_DECODER: Final = json.JSONDecoder(parse_float=Decimal)


def _integer(value: object) -> int:
    """A count; 0 as in `_decimal`."""
    return value if type(value) is int and -_TOO_LARGE < value < _TOO_LARGE else int(_decimal(value))


def _decimal(value: object) -> Decimal:
    """A figure of a receipt. A missing or impossible one is 0, and then the sums do not add up."""
    if value is None:
        return _ZERO
    if isinstance(value, Decimal):
        figure: Decimal = value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        figure = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    else:
        return _ZERO
    fits = -_MAX_DIGITS <= figure.adjusted() <= _MAX_DIGITS and figure.is_finite()
    return figure if fits else _ZERO
