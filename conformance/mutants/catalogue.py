"""All variants in one list, registered by importing the modules that define them."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum

from mutants.independent_variants import INDEPENDENT_VARIANTS
from mutants.registry import VARIANTS, Kind, Variant
from mutants.variants import (
    authentication,
    bad_input,
    bounds,
    combinations,
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

__all__ = ["ALL", "BY_SERVER", "MODULES", "VARIANTS", "ServerName", "faults", "quick", "sample", "variations"]

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
    *(records, combinations, ignored_parameters, models, bad_input, legal_variations, stream_variations),
)


class ServerName(StrEnum):
    """The servers in which variants are planted."""

    MOCK = "mock"
    INDEPENDENT = "independent"


BY_SERVER: dict[ServerName, dict[str, Variant]] = {
    ServerName.MOCK: dict(VARIANTS),
    ServerName.INDEPENDENT: dict(INDEPENDENT_VARIANTS),
}
ALL: dict[str, Variant] = {name: variant for variants in BY_SERVER.values() for name, variant in variants.items()}


def faults() -> list[Variant]:
    """The planted faults of all servers."""
    return [variant for variant in ALL.values() if variant.kind is Kind.FAULT]


def variations() -> list[Variant]:
    """The legal variations of all servers."""
    return [variant for variant in ALL.values() if variant.kind is Kind.VARIATION]


def quick() -> list[Variant]:
    """One in fifteen of the mock's, of every module alike, and one in eighty of the independent server's."""
    steps = {ServerName.MOCK: 15, ServerName.INDEPENDENT: 80}
    return [variant for server, step in steps.items() for variant in [*BY_SERVER[server].values()][::step]]


def sample(variants: Iterable[Variant], size: int) -> list[Variant]:
    """`size` variants, drawn by their ids: a larger sample holds the smaller one, faults and variations as they are
    mixed in the whole."""
    return sorted(variants, key=lambda variant: hashlib.sha256(variant.id.encode()).digest())[:size]
