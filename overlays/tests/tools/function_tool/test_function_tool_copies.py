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


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda function: pickle.loads(pickle.dumps(function))])
@pytest.mark.parametrize(
    ("function", "result"),
    [
        (tool(double), "8"),
        (tool(name="twice", description="Doubles.")(double), "8"),
        (decorated, "12"),
        (Holder.method, "16"),
        (tool(functools.partial(double)), "8"),
    ],
    ids=["function", "named", "decorated", "in a class", "partial"],
)
def test_copies_and_pickles_keep_the_function(function: Any, result: str, duplicate: Any) -> None:
    again = duplicate(function)
    assert type(again) is FunctionTool
    assert again.to_dict() == function.to_dict()
    assert (again.invoke('{"number": 4}'), again(4)) == (result, int(result))


def test_deep_copy_can_be_changed_without_changing_the_tool() -> None:
    function = tool(weather)
    again = copy.deepcopy({"tools": [function]})["tools"][0]
    again.function.parameters["properties"].clear()  # type: ignore[union-attr]
    again.additional_properties.update(METADATA)
    assert function.to_dict() == tool(weather).to_dict()


def test_tool_is_pickled_with_its_changes() -> None:
    function = tool(double)
    function.function.description = "Changed."
    function.additional_properties.update(METADATA)
    again = pickle.loads(pickle.dumps(function))
    assert (again.to_dict(), again.invoke('{"number": 4}')) == (function.to_dict(), "8")
