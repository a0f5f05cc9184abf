"""Chooses the model that a run uses."""

from __future__ import annotations

from typing import Any

from harness.client.exchange import Exchange
from harness.client.spend_limit import Rates, is_charge
from harness.violations import RuleViolation


def cheapest(models: Exchange) -> tuple[str, Rates, dict[str, Any]]:
    """The chat model with the lowest rates, wherever the row states its kind: its slug, its rates and its metadata."""
    rows = models.expect(200).at("data")
    if not isinstance(rows, list):
        raise RuleViolation("the list of models is no list", models)
    offers = [offer for row in rows if isinstance(row, dict) and (offer := _offer(row)) is not None]
    if not offers:
        raise RuleViolation("no model of kind `chat` is listed", models)
    return min(offers, key=lambda offer: (offer[1].input + offer[1].output, offer[0]))


def _offer(row: dict[str, Any]) -> tuple[str, Rates, dict[str, Any]] | None:
    """The slug, the rates and the metadata of a chat model; None for any other row."""
    slug, metadata = row.get("id"), row.get("aurous_metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if not isinstance(slug, str) or "chat" not in (row.get("kind"), metadata.get("kind")):
        return None
    pricing = row.get("chat_pricing") or metadata.get("chat_pricing") or {}
    try:
        rates = Rates(float(pricing["input"]["credits_per_M"]), float(pricing["output"]["credits_per_M"]))
    except (KeyError, TypeError, ValueError):
        rates = Rates()
    # A call must not cost nothing, or less, by a rate that cannot be one: the limit of the run would not hold.
    return slug, rates if is_charge(rates.input) and is_charge(rates.output) else Rates(), metadata
