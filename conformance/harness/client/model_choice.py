"""Chooses the model that a run uses."""

from __future__ import annotations

from typing import Any

from harness.client.exchange import Exchange
from harness.client.spend_limit import Rates
from harness.violations import RuleViolation


def cheapest(models: Exchange) -> tuple[str, Rates, dict[str, Any]]:
    """The chat model with the lowest rates, wherever the row states its kind: its slug, its rates and its metadata."""
    offers: list[tuple[float, str, Rates, dict[str, Any]]] = []
    for row in models.expect(200).at("data"):
        metadata = row.get("aurous_metadata") or {}
        if "chat" not in (row.get("kind"), metadata.get("kind")):
            continue
        pricing = row.get("chat_pricing") or metadata.get("chat_pricing") or {}
        try:
            rates = Rates(float(pricing["input"]["credits_per_M"]), float(pricing["output"]["credits_per_M"]))
        except (KeyError, TypeError, ValueError):
            rates = Rates()
        offers.append((rates.input + rates.output, row["id"], rates, metadata))
    if not offers:
        raise RuleViolation("no model of kind `chat` is listed", models)
    _, slug, rates, metadata = min(offers, key=lambda offer: offer[:2])
    return slug, rates, metadata
