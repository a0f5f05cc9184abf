"""Every fault and variation shows in its own probes, and a fault in no other of the common exchanges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from independent import faults, variations
from independent.changes import Change
from independent.probes import PROBES, observe

# Each change has a server of its own; the others are tried in the slow run.
EVERY = 10


def as_params(changes: Iterable[Change]) -> list[Any]:
    return [
        pytest.param(change, id=change.name, marks=[pytest.mark.slow] if number % EVERY else [])
        for number, change in enumerate(changes)
    ]


ALL: list[Change] = [*faults.ALL.values(), *variations.ALL.values()]
# The most common requests: a fault that changed these, too, would be caught by the wrong rules.
COMMON = ["create_text", "stream_text", "models", "balance", "retrieve_unknown", "refused_temperature_range", "no_key"]


@pytest.fixture(scope="module")
def correct() -> dict[str, Any]:
    """The observations of every probe on the correct server."""
    return observe(list(PROBES))


@pytest.mark.parametrize("change", as_params(faults.ALL.values()))
def test_fault_shows_in_its_own_probes_only(change: Change, correct: dict[str, Any]) -> None:
    seen = observe(list(dict.fromkeys([*change.probes, *COMMON])), change)
    changed = {name for name in seen if seen[name] != correct[name]}
    assert changed == set(change.probes)


@pytest.mark.parametrize("change", as_params(variations.ALL.values()))
def test_variation_shows_in_its_probes(change: Change, correct: dict[str, Any]) -> None:
    seen = observe(list(change.probes), change)
    changed = {name for name in seen if seen[name] != correct[name]}
    assert changed == set(change.probes)


@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=pytest.mark.slow)], ids=["sample", "all"])
def test_correct_server_is_seen_alike_twice(correct: dict[str, Any], every: int) -> None:
    seen = observe(list(PROBES)[::every])
    assert {name: (seen[name], correct[name]) for name in seen if seen[name] != correct[name]} == {}


def test_every_plant_names_probes_a_page_and_a_sentence() -> None:
    incomplete = [
        change.name
        for change in ALL
        if not change.probes or not change.page or len(change.sentence) < 15 or not change.sentence.endswith(".")
    ]
    assert incomplete == []


def test_there_are_enough_plants_to_measure_a_suite_with() -> None:
    assert len(faults.ALL) >= 110
    assert len(variations.ALL) >= 45
