"""The order of the tests of a run."""

from __future__ import annotations

from enum import IntEnum, auto

import pytest

# A budget is first spent on documented rules, then on properties, which send hundreds of requests. Rules on the
# responses of the whole run are last.
LATE = ("test_machine", "test_properties", "test_every_response")


class Turn(IntEnum):
    """When a test runs, so that as many rules as possible are checked before the budget is spent."""

    FIRST = auto()
    USUAL = auto()
    EXPENSIVE = auto()
    LATE = auto()


def turn_of(item: pytest.Item) -> tuple[Turn, int]:
    """The turn of a test, and its place within the turn."""
    if item.path.stem in LATE:
        return Turn.LATE, LATE.index(item.path.stem)
    if item.get_closest_marker("expensive"):
        return Turn.EXPENSIVE, 0
    return (Turn.FIRST if item.get_closest_marker("first") else Turn.USUAL), 0
