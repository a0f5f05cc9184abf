"""Owns what a run would cost: requests and credits by rule, rehearsed against the mock; sends nothing itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from assay.exchanges import Exchange
from assay.verdicts import Verdicts


def price(exchanges: Iterable[Exchange]) -> float:
    """What these exchanges were charged by their receipts, streamed ones included."""
    return sum(_charged(exchange) for exchange in exchanges)


def lines(verdicts: Verdicts) -> Iterator[str]:
    """The plan of a run: by rule, how many requests it sends and what they would cost at the mock's rates."""
    requests, cost = 0, 0.0
    for verdict in verdicts:
        sent = sum(finding.requests for finding in verdict.findings)
        charged = sum(finding.credits for finding in verdict.findings)
        requests, cost = requests + sent, cost + charged
        yield f"  {verdict.rule.id:<42} {sent:>5} requests  {charged:>9.4f} credits"
    yield ""
    yield f"{len(verdicts)} rules, {requests} requests, about {cost:.2f} credits at the documented day-one rates."
    yield "Rehearsed against the mock: a live server answers at other lengths. Nothing was sent to it."


def _charged(exchange: Exchange) -> float:
    if not 200 <= exchange.status < 300 or exchange.header("Aurous-Idempotent-Replayed") == "true":
        return 0.0
    if exchange.method != "POST" or exchange.url.endswith("/cancel"):
        return 0.0
    return _from_stream(exchange) if exchange.media_type == "text/event-stream" else _from_record(exchange.body)


def _from_record(body: bytes) -> float:
    try:
        charged = json.loads(body)["usage"]["credits_charged"]
    except (ValueError, KeyError, TypeError):
        return 0.0
    return float(charged) if isinstance(charged, int | float) else 0.0


def _from_stream(exchange: Exchange) -> float:
    frames = (line.partition(b":")[2] for line in exchange.body.splitlines() if line.startswith(b"data:"))
    return sum(_from_record(frame) for frame in frames)
