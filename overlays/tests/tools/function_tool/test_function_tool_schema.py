"""The name, description and schema of a function tool, from its function's signature and docstring."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated

import pydantic
import pytest
from aurous.tools.json_schema import MissingLibraryError, UnsupportedTypeError
from aurous.tools.loop import FunctionTool, ToolArgumentsError, tool
from aurous.tools.structured_output import response_format_for
from aurous_client.models import Tool
from clientkit.tools import Place, Unfit, Unit, double, weather


def test_tool_schema_comes_from_signature_and_docstring() -> None:
    function = tool(weather)
    assert isinstance(function, Tool)
    sent = function.to_dict()
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


def test_decorator_arguments_set_name_and_description() -> None:
    @tool(name="twice", description="Doubles a number.")
    def function(number: int) -> int:
        return 2 * number

    assert (function.function.name, function.function.description, function(3)) == ("twice", "Doubles a number.", 6)


def test_doc_of_pep_727_describes_a_parameter() -> None:
    def function(number: Annotated[int, SimpleNamespace(documentation="Which."), "Not this."]) -> None:
        pass

    assert tool(function).function.to_dict()["parameters"]["properties"]["number"]["description"] == "Which."


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


@dataclass
class Unresolved:
    place: Nowhere  # type: ignore[name-defined]  # noqa: F821


def test_types_that_cannot_be_resolved_are_refused_with_the_parameter() -> None:
    def missing(number: int, place: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
        pass

    def misspelt(place: sys.nowhere) -> None:  # type: ignore[name-defined]
        pass

    def within(number: int, place: Unresolved | None = None) -> None:
        pass

    def quoted(places: list["Nowhere"]) -> None:  # type: ignore[name-defined]  # noqa: F821, UP037
        pass

    with pytest.raises(TypeError, match=r"place: 'Nowhere' cannot be evaluated: name 'Nowhere'.*define or import them"):
        tool(missing)
    with pytest.raises(TypeError, match=r"place: 'sys\.nowhere' cannot be evaluated: module 'sys' has no attribute"):
        tool(misspelt)
    with pytest.raises(UnsupportedTypeError, match=r"the parameter place: .*name 'Nowhere' is not defined; types are"):
        tool(within)
    with pytest.raises(UnsupportedTypeError, match=r"the parameter places: list has no JSON Schema"):
        tool(quoted)
    with pytest.raises(
        UnsupportedTypeError, match=r"the type of Unresolved\.\w+ cannot be evaluated: name 'Nowhere' is"
    ):
        response_format_for(Unresolved)
    with pytest.raises(TypeError, match="no signature to describe"):
        tool(name="type")(type)


def test_type_of_the_result_is_not_needed() -> None:
    def find(number: int) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return number

    assert tool(find).invoke('{"number": 3}') == "3"


def test_tools_without_msgspec_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "aurous-labs\[tools\]"'):
        tool(double)


class Scale:
    """A scale."""

    def __call__(self, weight: float) -> float:
        """Weighs something.

        Args:
            weight: In kilograms.
        """
        return weight


def test_names_and_descriptions_of_partials_and_callables() -> None:
    function = tool(functools.partial(functools.partial(weather, Place("Rome")), unit=Unit.KELVIN)).to_dict()[
        "function"
    ]
    assert function["name"] == "weather"
    assert function["description"].startswith("The weather at a place.")
    # What a partial sets is not the model's to choose.
    assert {"place", "unit"} & function["parameters"]["properties"].keys() == set()
    assert function["parameters"]["properties"]["stations"]["description"].startswith("Names of stations")

    scale = tool(Scale()).to_dict()["function"]
    assert (scale["name"], scale["description"]) == ("Scale", "Weighs something.")
    assert scale["parameters"]["properties"]["weight"]["description"] == "In kilograms."


def test_argument_set_by_a_partial_needs_no_schema() -> None:
    def query(connection: Unfit, text: str) -> str:
        return f"{type(connection).__name__}: {text}"

    function = tool(functools.partial(query, connection=Unfit()))
    assert function.invoke('{"text": "x"}') == "Unfit: x"


@pytest.mark.parametrize("name", ["a" * 65, "with space", "größe", "a.b", ""])
def test_names_that_the_api_cannot_take_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a tool, which is 1 to 64 of A-Z"):
        tool(name=name)(double)
    double_again = functools.wraps(double)(lambda number: 2 * number)
    double_again.__name__ = name or "<lambda>"
    with pytest.raises(ValueError, match=r"set one by tool\(name=\.\.\.\)"):
        tool(double_again)


def test_lambda_needs_a_name() -> None:
    with pytest.raises(ValueError, match="'<lambda>' cannot be the name of a tool"):
        tool(lambda: 1)
    assert tool(name="a" * 64)(lambda: 1).invoke("") == "1"


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


def for_type_checkers(function: FunctionTool[[int], int]) -> int:
    """A tool keeps the signature of its function."""
    return function(4) + tool(double)(number=4) + tool(name="twice")(double)(4)
