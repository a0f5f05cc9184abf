"""Owns what an exchange was charged, by its receipt; sends nothing and checks no arithmetic."""

from __future__ import annotations

import json

from harness.client.exchange import Exchange


def charge(exchange: Exchange) -> float:
    """The credits that an answer says it cost: none for an error, a replay, or anything but a create."""
    if not 200 <= exchange.status < 300 or exchange.header("Aurous-Idempotent-Replayed") == "true":
        return 0.0
    if exchange.method != "POST" or not exchange.url.endswith("/chat/completions"):
        return 0.0
    return _streamed(exchange) if exchange.media_type == "text/event-stream" else _told(exchange.body)


def _told(document: bytes) -> float:
    try:
        charged = json.loads(document)["usage"]["credits_charged"]
    except (ValueError, KeyError, TypeError):
        return 0.0
    return float(charged) if isinstance(charged, int | float) else 0.0


def _streamed(exchange: Exchange) -> float:
    frames = (line.partition(b":")[2] for line in exchange.body.splitlines() if line.startswith(b"data:"))
    return max(map(_told, frames), default=0.0)
