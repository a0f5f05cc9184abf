"""What an exchange was charged, read from its receipt."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from harness import contract
from harness.client.exchange import Exchange
from harness.client.spend_limit import is_charge


def charged_credits(exchange: Exchange) -> float | None:
    """The credits that a response says it cost: none for an error, a replay, or what the contract does not charge.

    None is a success whose receipt is missing, or states what cannot be a charge (NaN, a negative number, text).
    """
    if not 200 <= exchange.status < 300 or exchange.header("Aurous-Idempotent-Replayed") == "true":
        return 0.0
    place = contract.charge_of(exchange.method, urlsplit(exchange.url).path)
    if place is None:
        return 0.0
    if exchange.media_type == "text/event-stream":
        return _streamed_credits(exchange)
    return _credits_in(exchange.body, place)


def _credits_in(document: bytes, place: tuple[str, ...] = ("usage", "credits_charged")) -> float | None:
    try:
        amount = json.loads(document)
        for name in place:
            amount = amount[name]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    return float(amount) if is_number and is_charge(amount) else None


def _streamed_credits(exchange: Exchange) -> float | None:
    """The receipt of a stream: its last usage block."""
    amount: float | None = None
    for line in exchange.body.splitlines():
        if line.startswith(b"data:") and b'"usage"' in line:
            frame = line.partition(b":")[2]
            if _has_usage(frame):
                amount = _credits_in(frame)
                if amount is None:
                    return None
    return amount


def _has_usage(frame: bytes) -> bool:
    try:
        return json.loads(frame).get("usage") is not None
    except (ValueError, AttributeError, RecursionError):
        return True
