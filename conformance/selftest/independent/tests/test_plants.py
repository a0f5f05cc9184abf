"""Every fault and variation is visible where it says, and faults nowhere else among the common exchanges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from independent import faults, variations
from independent.plants import Plant
from independent.probes import PROBES, observe

# Each plant has a server of its own; the others are tried in the slow run.
EVERY = 5


def as_params(plants: Iterable[Plant]) -> list[Any]:
    return [
        pytest.param(plant, id=plant.name, marks=[pytest.mark.slow] if number % EVERY else [])
        for number, plant in enumerate(plants)
    ]


ALL: list[Plant] = [*faults.ALL.values(), *variations.ALL.values()]
# What most requests are: a fault that shows here without saying so would drown the rule that is about it.
COMMON = ["create_text", "stream_text", "models", "balance", "retrieve_unknown", "refused_temperature_range", "no_key"]


@pytest.fixture(scope="module")
def correct() -> dict[str, Any]:
    """What every probe sees on the correct server."""
    return observe(list(PROBES))


@pytest.mark.parametrize("plant", as_params(faults.ALL.values()))
def test_fault_shows_in_its_own_probes_only(plant: Plant, correct: dict[str, Any]) -> None:
    seen = observe(list(dict.fromkeys([*plant.probes, *COMMON])), plant)
    changed = {name for name in seen if seen[name] != correct[name]}
    assert changed == set(plant.probes)


@pytest.mark.parametrize("plant", as_params(variations.ALL.values()))
def test_variation_shows_in_its_probes(plant: Plant, correct: dict[str, Any]) -> None:
    seen = observe(list(plant.probes), plant)
    changed = {name for name in seen if seen[name] != correct[name]}
    assert changed == set(plant.probes)


def test_correct_server_is_seen_alike_twice(correct: dict[str, Any]) -> None:
    seen = observe(list(PROBES))
    assert {name: (seen[name], correct[name]) for name in correct if seen[name] != correct[name]} == {}


def test_every_plant_names_probes_a_page_and_a_sentence() -> None:
    incomplete = [
        plant.name
        for plant in ALL
        if not plant.probes or not plant.page or len(plant.sentence) < 15 or not plant.sentence.endswith(".")
    ]
    assert incomplete == []


def test_there_are_enough_plants_to_measure_a_suite_with() -> None:
    assert len(faults.ALL) >= 110
    assert len(variations.ALL) >= 45
