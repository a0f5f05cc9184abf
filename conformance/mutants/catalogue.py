"""Gathers all variants in one list, by bringing in the modules that plant them; plants none itself."""

from mutants import (
    bodies,
    bounds,
    deltas,
    doors,
    envelopes,
    framings,
    freedoms,
    hostility,
    keys,
    listings,
    obedience,
    receipts,
    records,
    replays,
    streams,
)
from mutants.planting import VARIANTS, Kind, Variant

__all__ = ["PLANTED_BY", "VARIANTS", "faults", "quick", "variations"]

PLANTED_BY = (
    *(doors, envelopes, bounds, bodies, receipts, keys, replays, streams, deltas),
    *(records, obedience, listings, hostility, freedoms, framings),
)


def faults() -> list[Variant]:
    return [variant for variant in VARIANTS.values() if variant.kind is Kind.FAULT]


def variations() -> list[Variant]:
    return [variant for variant in VARIANTS.values() if variant.kind is Kind.VARIATION]


def quick() -> list[Variant]:
    """One in fifteen, of every module alike."""
    return [variant for number, variant in enumerate(VARIANTS.values()) if number % 15 == 0]
