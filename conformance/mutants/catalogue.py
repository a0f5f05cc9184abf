"""All variants in one list, registered by importing the modules that define them."""

from mutants.registry import VARIANTS, Kind, Variant
from mutants.variants import (
    authentication,
    bad_input,
    bounds,
    completions,
    error_envelopes,
    idempotency_keys,
    ignored_parameters,
    legal_variations,
    models,
    receipts,
    records,
    replays,
    stream_content,
    stream_variations,
    streams,
)

__all__ = ["MODULES", "VARIANTS", "faults", "quick", "variations"]

MODULES = (
    *(
        authentication,
        error_envelopes,
        bounds,
        completions,
        receipts,
        idempotency_keys,
        replays,
        streams,
        stream_content,
    ),
    *(records, ignored_parameters, models, bad_input, legal_variations, stream_variations),
)


def faults() -> list[Variant]:
    return [variant for variant in VARIANTS.values() if variant.kind is Kind.FAULT]


def variations() -> list[Variant]:
    return [variant for variant in VARIANTS.values() if variant.kind is Kind.VARIATION]


def quick() -> list[Variant]:
    """One in fifteen, of every module alike."""
    return [variant for number, variant in enumerate(VARIANTS.values()) if number % 15 == 0]
