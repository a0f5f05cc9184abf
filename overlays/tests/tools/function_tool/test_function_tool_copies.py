"""Copies and pickles of a function tool."""

from __future__ import annotations

import copy
import functools
import pickle
from typing import Any

import pytest
from aurous.tools.loop import FunctionTool, tool
from clientkit.tools import double, weather


@tool
def decorated(number: int) -> int:
    return 3 * number


class Holder:
    @staticmethod
    @tool(name="held", description="Held by a class.")
    def method(number: int) -> int:
        return 4 * number


METADATA: dict[str, Any] = {"x-own": 1}


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
@pytest.mark.parametrize(
    ("made", "result"),
    [
        (tool(double), "8"),
        (tool(name="twice", description="Doubles.")(double), "8"),
        (decorated, "12"),
        (Holder.method, "16"),
        (tool(functools.partial(double)), "8"),
    ],
    ids=["function", "named", "decorated", "in a class", "partial"],
)
def test_copies_and_pickles_keep_the_function(made: Any, result: str, duplicate: Any) -> None:
    again = duplicate(made)
    assert type(again) is FunctionTool
    assert again.to_dict() == made.to_dict()
    assert (again.invoke('{"number": 4}'), again(4)) == (result, int(result))


def test_a_deep_copy_can_be_changed_without_changing_the_tool() -> None:
    made = tool(weather)
    again = copy.deepcopy({"tools": [made]})["tools"][0]
    again.function.parameters["properties"].clear()  # type: ignore[union-attr]
    again.additional_properties.update(METADATA)
    assert made.to_dict() == tool(weather).to_dict()


def test_a_tool_is_pickled_with_its_changes() -> None:
    made = tool(double)
    made.function.description = "Changed."
    made.additional_properties.update(METADATA)
    again = pickle.loads(pickle.dumps(made))
    assert (again.to_dict(), again.invoke('{"number": 4}')) == (made.to_dict(), "8")
