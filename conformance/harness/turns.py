"""The order of the tests of a run."""

from __future__ import annotations

from enum import IntEnum, auto

import pytest

from harness import contract
from harness.client.api_client import COMPLETIONS
from harness.contract import Operation

# A budget is first spent on documented rules, then on properties, which send hundreds of requests.
LATE = ("test_machine", "test_properties")
# Rules on the responses of the whole run.
LAST = "test_every_response"


class Turn(IntEnum):
    """When a test runs, so that as many rules as possible are checked before the budget is spent."""

    FIRST = auto()
    USUAL = auto()
    EXPENSIVE = auto()
    LATE = auto()
    # One call may cost all that a run may spend.
    UNKNOWN_PRICE = auto()
    LAST = auto()


def turn_of(item: pytest.Item) -> tuple[Turn, int]:
    """The turn of a test, and its place within the turn."""
    if item.path.stem == LAST:
        return Turn.LAST, 0
    if _has_unknown_price(item):
        return Turn.UNKNOWN_PRICE, 0
    if item.path.stem in LATE:
        return Turn.LATE, LATE.index(item.path.stem)
    if item.get_closest_marker("expensive"):
        return Turn.EXPENSIVE, 0
    return (Turn.FIRST if item.get_closest_marker("first") else Turn.USUAL), 0


def _has_unknown_price(item: pytest.Item) -> bool:
    """Whether a test calls a charged operation other than completions: only the server knows its price."""
    method, path = _called(item)
    return path != COMPLETIONS and contract.charge_of(method, path) is not None


def _called(item: pytest.Item) -> tuple[str, str]:
    """The operation that a test is for: one of the tests that a rule or a property has for every operation."""
    label: str = getattr(item, "operation_label", "")
    if label:
        method, _, path = label.partition(" ")
        return method, path
    callspec = getattr(item, "callspec", None)
    operation = callspec.params.get("operation") if callspec is not None else None
    return (operation.method, operation.path) if isinstance(operation, Operation) else ("", "")
