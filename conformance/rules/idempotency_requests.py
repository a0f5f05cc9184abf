"""Sending a key, and what distinguishes a replay, a first response and a conflict."""

from __future__ import annotations

from harness import contract
from harness.client.exchange import Exchange
from harness.violations import require

REPLAYED = "Aurous-Idempotent-Replayed"


def with_key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def is_replayed(exchange: Exchange) -> bool:
    return exchange.header(REPLAYED) == "true"


def require_replay(again: Exchange, first: Exchange) -> None:
    """Require that `again` is the response `first`, marked as a replay."""
    again.expect(200)
    same = contract.documented("ChatCompletion", again.json) == contract.documented("ChatCompletion", first.json)
    require(same, f"it is another answer ({again.get('id')} for {first.get('id')})", first, again)
    require(is_replayed(again), f"{REPLAYED} is {again.header(REPLAYED)!r}", first, again)


def require_fresh(exchange: Exchange, *others: Exchange) -> None:
    """Require a response that is no replay, and whose completion is none of the others."""
    exchange.expect(200)
    require(exchange.header(REPLAYED) is None, f"{REPLAYED} is {exchange.header(REPLAYED)!r}", *others, exchange)
    for other in others:
        require(exchange.at("id") != other.at("id"), f"the result {other.at('id')} is shared", other, exchange)


def require_conflict(exchange: Exchange, first: Exchange) -> None:
    if exchange.status != 409:
        require(False, f"the error is {exchange.outcome}; expected 409 idempotency_key_in_use", first, exchange)
    code, kind = exchange.at("error", "code"), exchange.at("error", "type")
    actual = (code, kind) == ("idempotency_key_in_use", "invalid_request")
    require(actual, f"the error is {kind} {code}", first, exchange)
