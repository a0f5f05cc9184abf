"""Functions as tools: what the model is told of one, and what becomes of the arguments that it sends."""

from __future__ import annotations

import copy
import functools
import json
import pickle
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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


def test_tool_schema_comes_from_signature_and_docstring() -> None:
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


def test_a_tool_can_be_called_like_its_function() -> None:
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


def test_decorator_arguments_set_name_and_description() -> None:
    @tool(name="twice", description="Doubles a number.")
    def made(number: int) -> int:
        return 2 * number

    assert (made.function.name, made.function.description, made(3)) == ("twice", "Doubles a number.", 6)


def test_doc_of_pep_727_describes_a_parameter() -> None:
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


def test_methods_partials_and_callables_become_tools() -> None:
    assert tool(Thermometer().read).invoke('{"place": "Rome"}') == "Rome: 290 kelvin"
    assert tool(Thermometer()).function.name == "Thermometer"
    assert tool(Thermometer()).invoke("") == "warm"
    partial = functools.partial(Thermometer().read, unit=Unit.CELSIUS)
    assert tool(name="reading")(partial).invoke('{"place": "Rome"}') == "Rome: 290 celsius"


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
    def made() -> object:
        return result

    assert tool(made).invoke("{}") == text


def test_a_result_that_json_cannot_hold_raises_tool_result_error() -> None:
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
def test_invalid_arguments_raise_before_the_call(arguments: str, message: str) -> None:
    called: list[int] = []

    def made(number: int) -> None:
        called.append(number)

    with pytest.raises(ToolArgumentsError, match=message) as caught:
        tool(made).invoke(arguments)
    assert called == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_functions_without_a_schema_are_refused() -> None:
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


def test_tools_without_msgspec_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "aurous-labs\[tools\]"'):
        tool(double)


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


class Scale:
    """A scale."""

    def __call__(self, weight: float) -> float:
        """Weighs something.

        Args:
            weight: In kilograms.
        """
        return weight


def test_names_and_descriptions_of_partials_and_callables() -> None:
    made = tool(functools.partial(functools.partial(weather, Place("Rome")), unit=Unit.KELVIN)).to_dict()["function"]
    assert made["name"] == "weather"
    assert made["description"].startswith("The weather at a place.")
    # What a partial sets is not the model's to choose.
    assert {"place", "unit"} & made["parameters"]["properties"].keys() == set()
    assert made["parameters"]["properties"]["stations"]["description"].startswith("Names of stations")

    scale = tool(Scale()).to_dict()["function"]
    assert (scale["name"], scale["description"]) == ("Scale", "Weighs something.")
    assert scale["parameters"]["properties"]["weight"]["description"] == "In kilograms."


def test_an_argument_set_by_a_partial_needs_no_schema() -> None:
    def query(connection: Unfit, text: str) -> str:
        return f"{type(connection).__name__}: {text}"

    made = tool(functools.partial(query, connection=Unfit()))
    assert made.invoke('{"text": "x"}') == "Unfit: x"


@pytest.mark.parametrize("name", ["a" * 65, "with space", "größe", "a.b", ""])
def test_names_that_the_api_cannot_take_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a tool, which is 1 to 64 of A-Z"):
        tool(name=name)(double)
    double_again = functools.wraps(double)(lambda number: 2 * number)
    double_again.__name__ = name or "<lambda>"
    with pytest.raises(ValueError, match=r"set one by tool\(name=\.\.\.\)"):
        tool(double_again)


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(ValueError, match="'<lambda>' cannot be the name of a tool"):
        tool(lambda: 1)
    assert tool(name="a" * 64)(lambda: 1).invoke("") == "1"


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
def test_an_integer_may_be_written_as_a_float(arguments: str, result: str) -> None:
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


def test_pydantic_field_defaults_describe_and_bound_parameters() -> None:
    @tool
    def forecast(
        city: str = pydantic.Field(description="Where.", min_length=2),
        days: int = pydantic.Field(3, ge=1, le=10, description="How many days."),
        json: bool = pydantic.Field(default=False),
    ) -> str:
        return f"{city} {days} {json}"

    parameters = forecast.function.to_dict()["parameters"]
    assert parameters["required"] == ["city"]
    assert parameters["properties"] == {
        "city": {"type": "string", "minLength": 2, "description": "Where."},
        "days": {"type": "integer", "minimum": 1, "maximum": 10, "description": "How many days."},
        "json": {"type": "boolean"},
    }
    assert forecast.invoke('{"city": "Rome"}') == "Rome 3 False"
    assert forecast.invoke('{"city": "Rome", "days": 5.0, "json": true}') == "Rome 5 True"
    with pytest.raises(ToolArgumentsError, match=r"less than or equal to 10 - at `\$\.days`"):
        forecast.invoke('{"city": "Rome", "days": 11}')


def for_type_checkers(made: FunctionTool[[int], int]) -> int:
    """A tool keeps the signature of its function."""
    return made(4) + tool(double)(number=4) + tool(name="twice")(double)(4)
