"""Functions as tools: what the model is told of one, and what becomes of the arguments that it sends."""

from __future__ import annotations

import functools
import json
import pickle
import sys
from dataclasses import dataclass
from datetime import date
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, Literal, TypedDict

import attrs
import pydantic
import pytest
from aurous.tools.json_schema import MissingLibraryError
from aurous.tools.loop import FunctionTool, ToolArgumentsError, tool
from aurous_client.models import Tool, ToolCall

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}


class Unit(Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


@dataclass
class Place:
    """A place on Earth."""

    city: str
    country: str = "IT"


@attrs.define
class Span:
    first: date
    last: date


class Options(TypedDict, total=False):
    rounded: bool


class Reading(pydantic.BaseModel):
    degrees: float
    unit: Unit = Unit.CELSIUS


def weather(
    place: Place,
    unit: Annotated[Unit, "What to measure in."] = Unit.CELSIUS,
    span: Span | None = None,
    stations: list[str] = [],  # noqa: B006
    options: Options = {},  # noqa: B006
    source: Literal["radar", "model"] = "model",
    weights: dict[str, float] | None = None,
) -> dict[str, Any]:
    """The weather at a place.

    It is measured, or foretold.

    Args:
        place: Where; a city
            in its country.
        unit: Overruled by the annotation.
        stations (list): Names of stations: all of them, if left out.
        unknown: No parameter.

    Returns:
        place: Nothing that the model is told.
    """
    return {"city": place.city, "unit": unit, "span": span, "rounded": options.get("rounded"), "source": source}


def double(number: int) -> int:
    return 2 * number


def test_a_tool_is_what_is_sent() -> None:
    made = tool(weather)
    assert isinstance(made, Tool)
    sent = made.to_dict()
    assert sent["type"] == "function"
    assert sent["function"]["name"] == "weather"
    assert sent["function"]["description"] == "The weather at a place.\n\nIt is measured, or foretold."
    parameters = sent["function"]["parameters"]
    assert (parameters["type"], parameters["required"], parameters["additionalProperties"]) == (
        "object",
        ["place"],
        False,
    )
    assert parameters["properties"] == {
        "place": {"$ref": "#/$defs/Place", "description": "Where; a city in its country."},
        "unit": {"$ref": "#/$defs/Unit", "description": "What to measure in."},
        "span": {"anyOf": [{"$ref": "#/$defs/Span"}, {"type": "null"}]},
        "stations": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Names of stations: all of them, if left out.",
        },
        "options": {"$ref": "#/$defs/Options"},
        "source": {"enum": ["model", "radar"]},
        "weights": {
            "anyOf": [{"type": "object", "additionalProperties": {"type": "number"}}, {"type": "null"}],
        },
    }
    assert parameters["$defs"]["Place"]["description"] == "A place on Earth."
    assert parameters["$defs"]["Span"]["properties"]["first"]["format"] == "date"


def test_a_tool_is_still_the_function() -> None:
    made = tool(double)
    assert made(4) == 8
    assert (made.__name__, made.__wrapped__) == ("double", double)  # type: ignore[attr-defined]
    assert made.function.to_dict()["parameters"] == {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    }
    assert "description" not in made.function.to_dict()


def test_the_decorator_with_arguments() -> None:
    @tool(name="twice", description="Doubles a number.")
    def made(number: int) -> int:
        return 2 * number

    assert (made.function.name, made.function.description, made(3)) == ("twice", "Doubles a number.", 6)


def test_descriptions_of_pep_727() -> None:
    def made(number: Annotated[int, SimpleNamespace(documentation="Which."), "Not this."]) -> None:
        pass

    assert tool(made).function.to_dict()["parameters"]["properties"]["number"]["description"] == "Which."


class Thermometer:
    """What measures."""

    def read(self, place: str, /, unit: Unit = Unit.KELVIN) -> str:
        """One reading."""
        return f"{place}: 290 {unit.value}"

    def __call__(self) -> str:
        return "warm"


def test_methods_partials_and_callables() -> None:
    assert tool(Thermometer().read).invoke('{"place": "Rome"}') == "Rome: 290 kelvin"
    assert tool(Thermometer()).function.name == "Thermometer"
    assert tool(Thermometer()).invoke("") == "warm"
    partial = functools.partial(Thermometer().read, unit=Unit.CELSIUS)
    assert tool(name="reading")(partial).invoke('{"place": "Rome"}') == "Rome: 290 celsius"


def test_arguments_are_converted_and_results_too() -> None:
    arguments = {
        "place": {"city": "Rome"},
        "unit": "kelvin",
        "span": {"first": "2026-05-20", "last": "2026-05-21"},
        "options": {"rounded": True},
    }
    assert json.loads(tool(weather).invoke(json.dumps(arguments))) == {
        "city": "Rome",
        "unit": "kelvin",
        "span": {"first": "2026-05-20", "last": "2026-05-21"},
        "rounded": True,
        "source": "model",
    }


def test_pydantic_parameters_and_results() -> None:
    @tool
    def hotter(reading: Reading, by: Annotated[float, pydantic.Field(gt=0, description="How much.")] = 1.5) -> Any:
        return {"readings": [Reading(degrees=reading.degrees + by)]}

    parameters = hotter.function.to_dict()["parameters"]
    assert parameters["properties"]["reading"] == {"$ref": "#/$defs/Reading"}
    assert parameters["properties"]["by"]["description"] == "How much."
    assert (parameters["required"], parameters["additionalProperties"]) == (["reading"], False)
    assert hotter.invoke('{"reading": {"degrees": 20}}') == '{"readings":[{"degrees":21.5,"unit":"celsius"}]}'
    with pytest.raises(ToolArgumentsError, match=r"greater than 0 - at `\$.by`"):
        hotter.invoke('{"reading": {"degrees": 20}, "by": -1}')
    with pytest.raises(ToolArgumentsError, match="Extra inputs are not permitted"):
        hotter.invoke('{"reading": {"degrees": 20}, "more": 1}')


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("plain", "plain"),
        (None, "null"),
        ([1, 2.5, True], "[1,2.5,true]"),
        (Place("Rome"), '{"city":"Rome","country":"IT"}'),
        (Reading(degrees=1), '{"degrees":1.0,"unit":"celsius"}'),
        ({"calls": [ToolCall.from_dict(CALL)]}, '{"calls":[' + json.dumps(CALL).replace(" ", "") + "]}"),
    ],
)
def test_results_as_text(result: object, text: str) -> None:
    def made() -> object:
        return result

    assert tool(made).invoke("{}") == text


def test_a_result_that_json_cannot_hold() -> None:
    def made() -> object:
        return object()

    with pytest.raises(TypeError, match="an object of object, which JSON cannot hold"):
        tool(made).invoke("{}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('{"number": "4"}', r"Expected `int`, got `str` - at `\$.number`"),
        ("{}", "missing required field `number`"),
        ('{"number": 4, "more": 1}', "unknown field `more`"),
        ('{"number": ', "truncated"),
        ("4", "Expected `object`, got `int`"),
        ("[" * 100_000, "the arguments do not fit"),
    ],
)
def test_arguments_that_do_not_fit(arguments: str, message: str) -> None:
    called: list[int] = []

    def made(number: int) -> None:
        called.append(number)

    with pytest.raises(ToolArgumentsError, match=message) as caught:
        tool(made).invoke(arguments)
    assert called == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_functions_that_are_no_tools() -> None:
    def untyped(number) -> None:  # type: ignore[no-untyped-def]
        pass

    def variadic(*numbers: int) -> None:
        pass

    def unfit(number: Unfit) -> None:
        pass

    with pytest.raises(TypeError, match="the parameter number has no type"):
        tool(untyped)
    with pytest.raises(TypeError, match="a tool takes no \\*numbers: int"):
        tool(variadic)
    with pytest.raises(TypeError, match="Unfit"):
        tool(unfit)


class Unfit:
    """What no library knows."""


def test_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "aurous-labs\[tools\]"'):
        tool(double)


def for_type_checkers(made: FunctionTool[[int], int]) -> int:
    """A tool keeps the signature of its function."""
    return made(4) + tool(double)(number=4) + tool(name="twice")(double)(4)
