"""The charge of an exchange, read from where the contract says that its response has the price."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness import contract
from harness.client.exchange import Exchange
from harness.client.spend_limit import is_charge
from harness.client.sse import EventParser
from harness.violations import RuleViolation


def charged_credits(exchange: Exchange) -> float | None:
    """The credits that a response says it cost: none for an error, a replay, or what the contract does not charge.

    None is what cannot be known: a response that was lost, or a success whose receipt is missing, or states what cannot
    be a charge (NaN, a negative number, text). Of a stream, the last event that has a receipt counts.
    """
    if exchange.response_lost and contract.charge_of(exchange.method, exchange.path) is not None:
        return None
    if not 200 <= exchange.status < 300 or exchange.header("Aurous-Idempotent-Replayed") == "true":
        return 0.0
    place = contract.charge_of(exchange.method, exchange.path)
    if place is None:
        return 0.0
    documents = (document for document in _documents(exchange) if _has_receipt(document, place))
    return _amount(next(documents, None), place)


def _documents(exchange: Exchange) -> Iterator[Any]:
    """The documents that may have a receipt: the body, or the events of a stream, the last one first."""
    if exchange.media_type == "text/event-stream":
        for event in reversed(EventParser().feed(exchange.body)):
            try:
                yield exchange.canonical(event.value)
            except (ValueError, RecursionError):
                continue
    else:
        try:
            yield exchange.json
        except RuleViolation:
            return


def _has_receipt(document: Any, place: tuple[str, ...]) -> bool:
    return isinstance(document, dict) and document.get(place[0]) is not None


def _amount(document: Any, place: tuple[str, ...]) -> float | None:
    for name in place:
        document = document.get(name) if isinstance(document, dict) else None
    is_number = isinstance(document, int | float) and not isinstance(document, bool)
    return float(document) if is_number and is_charge(document) else None
