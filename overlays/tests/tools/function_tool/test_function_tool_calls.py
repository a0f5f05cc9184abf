"""Calls of a function tool: the model's arguments are converted and checked, the result becomes text."""

from __future__ import annotations

import functools
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from aurous.tools.loop import ToolArgumentsError, ToolResultError, tool
from aurous_client.models import ToolCall
from clientkit.tools import Place, Unit, double, weather

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}


@dataclass
class Measured:
    degrees: float


class Reading(pydantic.BaseModel):
    degrees: float
    unit: Unit = Unit.CELSIUS


def test_tool_can_be_called_like_its_function() -> None:
    function = tool(double)
    assert function(4) == 8
    assert (function.__name__, function.__wrapped__) == ("double", double)  # type: ignore[attr-defined]
    assert function.function.to_dict()["parameters"] == {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    }
    assert "description" not in function.function.to_dict()


class Thermometer:
    """What measures."""

    def read(self, place: str, /, unit: Unit = Unit.KELVIN) -> str:
        """One reading."""
        return f"{place}: 290 {unit.value}"

    def __call__(self) -> str:
        return "warm"


def test_methods_partials_and_callables_become_tools() -> None:
    assert tool(Thermometer().read).invoke('{"place": "Rome"}') == "Rome: 290 kelvin"
    assert tool(Thermometer()).function.name == "Thermometer"
    assert tool(Thermometer()).invoke("") == "warm"
    partial = functools.partial(Thermometer().read, unit=Unit.CELSIUS)
    assert tool(name="reading")(partial).invoke('{"place": "Rome"}') == "Rome: 290 celsius"


class Shouting:
    """A decorator that is a class, with attributes of names that a tool has, too."""

    def __init__(self, function: Callable[..., str]) -> None:
        self._function = self._arguments = self._positional = self._keyword = function
        functools.update_wrapper(self, function)

    def __call__(self, text: str) -> str:
        return self._function(text).upper()


def test_callable_object_is_called_itself_whatever_its_attributes_are_named() -> None:
    def repeat(text: str) -> str:
        return f"{text} {text}"

    shouting = tool(Shouting(repeat))
    assert (shouting.invoke('{"text": "hey"}'), shouting("ho"), shouting.__name__) == ("HEY HEY", "HO HO", "repeat")  # type: ignore[attr-defined]


def dunder(__x: int, __dict__: str = "text", *, __slots__: bool = False) -> str:
    return f"{__x} {__dict__} {__slots__}"


def dunder_of_pydantic(__x: int, model: Reading | None = None) -> str:
    return f"{__x} {model}"


def test_parameters_may_have_names_that_mean_something_to_python() -> None:
    assert tool(dunder).function.to_dict()["parameters"]["required"] == ["__x"]
    assert tool(dunder).invoke('{"__x": 1, "__slots__": true}') == "1 text True"
    with pytest.raises(ToolArgumentsError, match=r"Expected `int`, got `str` - at `\$\.__x`"):
        tool(dunder).invoke('{"__x": "1"}')
    with pytest.raises(ToolArgumentsError, match="required field `__x`"):
        tool(dunder).invoke("{}")
    assert tool(dunder_of_pydantic).invoke('{"__x": 1}') == "1 None"


def test_arguments_and_results_are_converted() -> None:
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


def test_pydantic_models_are_converted_and_checked() -> None:
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
def test_results_become_text(result: object, text: str) -> None:
    def function() -> object:
        return result

    assert tool(function).invoke("{}") == text


def test_result_that_json_cannot_hold_raises_tool_result_error() -> None:
    def function() -> object:
        return object()

    with pytest.raises(TypeError, match="an object of object, which JSON cannot hold"):
        tool(function).invoke("{}")


@pytest.mark.parametrize(
    "result",
    [
        math.nan,
        {"span": (1.0, -math.inf)},
        [None, Measured(math.inf)],
        {"reading": Reading(degrees=math.nan)},
        [msgspec.Raw(b"null"), math.nan],
    ],
)
def test_result_with_nan_or_infinity_raises_tool_result_error_in_place_of_null(result: object) -> None:
    def function() -> object:
        return result

    with pytest.raises(ToolResultError, match="function returned what cannot be sent: NaN or Infinity"):
        tool(function).invoke("{}")


def test_result_that_has_null_besides_numbers_is_sent() -> None:
    def function() -> object:
        return {"none": None, "raw": msgspec.Raw(b'{"a": null}'), "text": "inf", "measured": Measured(1.5)}

    assert tool(function).invoke("{}") == '{"none":null,"raw":{"a": null},"text":"inf","measured":{"degrees":1.5}}'


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
def test_invalid_arguments_raise_before_the_call(arguments: str, message: str) -> None:
    called: list[int] = []

    def function(number: int) -> None:
        called.append(number)

    with pytest.raises(ToolArgumentsError, match=message) as caught:
        tool(function).invoke(arguments)
    assert called == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("arguments", ["", " ", "null", " null\n", "{}"])
def test_no_arguments_are_read_in_every_form(arguments: str) -> None:
    assert tool(no_parameters).invoke(arguments) == "free"
    assert tool(all_optional).invoke(arguments) == "3"
    with pytest.raises(ToolArgumentsError, match="missing required field `number`"):
        tool(double).invoke(arguments)


def no_parameters() -> str:
    return "free"


def all_optional(number: int = 3) -> int:
    return number


@pytest.mark.parametrize(
    ("arguments", "result"), [('{"number": 4.0}', "8"), ('{"number": 4e0}', "8"), ('{"number": -0.0}', "0")]
)
def test_integer_may_be_written_as_a_float(arguments: str, result: str) -> None:
    assert tool(double).invoke(arguments) == result


def test_integers_within_other_arguments_may_be_floats() -> None:
    def total(numbers: list[int], weights: dict[str, float], exact: Decimal) -> float:
        assert all(type(number) is int for number in numbers)
        assert all(type(weight) is float for weight in weights.values())
        return sum(numbers) + sum(weights.values()) + float(exact)

    arguments = '{"numbers": [1.0, 2, 3.0], "weights": {"a": 0.5, "b": 2.0}, "exact": "1.25"}'
    assert tool(total).invoke(arguments) == "9.75"
    with pytest.raises(ToolArgumentsError, match=r"Expected `int`, got `float` - at `\$\.numbers\[0\]`"):
        tool(total).invoke('{"numbers": [1.5], "weights": {}, "exact": "1"}')
