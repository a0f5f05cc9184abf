"""The planted faults and legal variations of the independent server, as variants."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "selftest"))

from independent import build, faults, serving, variations
from independent.plants import Plant

from mutants.registry import Kind, Variant

PREFIX = "independent."


@dataclass(frozen=True)
class IndependentVariant(Variant):
    """The independent server with what is planted in it; without plants, the server as it is."""

    plants: tuple[Plant, ...] = ()

    @property
    def module(self) -> str:
        return self.plants[0].apply.__module__ if self.plants else ""

    @property
    def local_name(self) -> str:
        return self.id.removeprefix(PREFIX)

    @contextmanager
    def running(self, api_key: str, other_api_key: str) -> Iterator[str]:
        """The URL at which it is served while the block runs."""
        with serving(build(self.plants, api_key=api_key, other_api_key=other_api_key)) as server:
            yield server.url


def combine(variants: Sequence[IndependentVariant]) -> IndependentVariant:
    """One server with the plants of all of these."""
    plants = tuple(plant for variant in variants for plant in variant.plants)
    return replace(variants[0], id="+".join(variant.id for variant in variants), plants=plants)


def _variants() -> Iterator[IndependentVariant]:
    yield IndependentVariant(f"{PREFIX}plain", Kind.VARIATION, "The independent server as it is.", "")
    for kind, plants in ((Kind.FAULT, faults.ALL), (Kind.VARIATION, variations.ALL)):
        for plant in plants.values():
            yield IndependentVariant(PREFIX + plant.name, kind, plant.sentence, plant.page, (plant,))


INDEPENDENT_VARIANTS = {variant.id: variant for variant in _variants()}
