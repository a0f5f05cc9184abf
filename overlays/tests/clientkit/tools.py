"""Functions and their parameter types, for tests of function tools."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import attrs


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


class Unfit:
    """What no library knows."""
