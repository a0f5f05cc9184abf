"""The faults and variations that are planted in the independent server, as variants."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "selftest"))

from independent import build, faults, serving, variations
from independent.plants import Plant

from mutants.registry import Kind, Variant

PREFIX = "independent."


@dataclass(frozen=True)
class IndependentVariant(Variant):
    """The independent server, with a plant in it; without one, the server as it is."""

    plant: Plant | None = None

    @contextmanager
    def running(self, api_key: str, other_api_key: str) -> Iterator[str]:
        """The URL at which it is served while the block runs."""
        plants = [self.plant] if self.plant is not None else []
        with serving(build(plants, api_key=api_key, other_api_key=other_api_key)) as server:
            yield server.url


def _variants() -> Iterator[IndependentVariant]:
    yield IndependentVariant(f"{PREFIX}plain", Kind.VARIATION, "The independent server as it is.", "")
    for kind, plants in ((Kind.FAULT, faults.ALL), (Kind.VARIATION, variations.ALL)):
        for plant in plants.values():
            yield IndependentVariant(PREFIX + plant.name, kind, plant.sentence, plant.page, plant)


INDEPENDENT_VARIANTS = {variant.id: variant for variant in _variants()}
