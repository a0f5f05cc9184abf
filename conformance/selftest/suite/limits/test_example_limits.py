"""How many examples properties get where the spec limits the rate of their operations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from harness.contract import RateClass
from harness.example_limits import limit_examples
from harness.settings import Profile
from harness.violations import NotTested, not_tested
from hypothesis import strategies as st

SLOW = RateClass("slow", burst=12, per_minute=6)


class Property:
    """A property of an operation, and the cases that it is run with."""

    def __init__(self, label: str, *, examples: int, fuzzed: int) -> None:
        self.cases: list[int] = []
        phases = [hypothesis.Phase.explicit, *([hypothesis.Phase.generate] if fuzzed else [])]

        @hypothesis.settings(max_examples=fuzzed or 1, phases=phases, database=None)
        @hypothesis.given(case=st.integers(min_value=1000))
        def test(case: int) -> None:
            self.cases.append(case)

        for number in range(examples):
            test = hypothesis.example(case=number)(test)
        self.item: Any = SimpleNamespace(operation_label=label, obj=test)

    def run(self) -> list[int]:
        self.item.obj()
        return sorted(self.cases)


def limit(*properties: Property, labels: tuple[str, ...], profile: Profile = Profile.DEFAULT) -> None:
    limit_examples([each.item for each in properties], dict.fromkeys(labels, SLOW), profile)


def test_properties_of_a_rate_class_send_its_burst_together() -> None:
    one, other = Property("POST /a", examples=80, fuzzed=10), Property("POST /b", examples=20, fuzzed=10)
    limit(one, other, labels=("POST /a", "POST /b"))
    sent = len(one.run()) + len(other.run())
    assert 6 <= sent <= SLOW.burst


def test_examples_are_kept_at_even_distances_from_the_first() -> None:
    prop = Property("POST /a", examples=120, fuzzed=0)
    limit(prop, labels=("POST /a",))
    assert prop.run() == list(range(0, 120, 10))


def test_every_property_keeps_an_example() -> None:
    properties = [Property(f"POST /{number}", examples=1 + 200 * (number == 0), fuzzed=0) for number in range(3)]
    limit(*properties, labels=("POST /0", "POST /1", "POST /2"))
    assert all(each.run() for each in properties)


def test_thorough_run_sends_what_ten_minutes_allow() -> None:
    prop = Property("POST /a", examples=200, fuzzed=0)
    limit(prop, labels=("POST /a",), profile=Profile.THOROUGH)
    assert len(prop.run()) == SLOW.burst + 10 * SLOW.per_minute


@pytest.mark.parametrize("label", ["POST /a", "POST /b"])
def test_examples_within_the_limit_or_without_one_are_all_kept(label: str) -> None:
    prop = Property(label, examples=12 if label == "POST /a" else 90, fuzzed=0)
    limit(prop, labels=("POST /a",))
    assert len(prop.run()) == (12 if label == "POST /a" else 90)


def test_property_that_cannot_be_tested_ends_at_its_first_example() -> None:
    cases: list[int] = []

    @hypothesis.settings(database=None)
    @hypothesis.given(case=st.integers())
    def test(case: int) -> None:
        cases.append(case)
        not_tested("time limit")

    with pytest.raises(NotTested, match="time limit"):
        test()
    assert len(cases) == 1
