"""Planted faults and legal variations by name, each with the documented sentence that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import DOCUMENTATION


@dataclass(frozen=True)
class Plant:
    """A planted fault or a legal variation: how it changes an application.

    `page` is the path of the page that it breaks, or whose freedom it uses; `probes` names those of `probes.PROBES`
    whose observations it changes.
    """

    name: str
    sentence: str
    page: str
    probes: tuple[str, ...]
    apply: Callable[[Any], None]

    @property
    def url(self) -> str:
        return f"{DOCUMENTATION}/{self.page}"


class Registry(dict[str, Plant]):
    """Plants by name."""

    def add(self, plant: Plant) -> None:
        if plant.name in self:
            raise ValueError(f"two plants are called {plant.name}")
        self[plant.name] = plant

    def plant(self, page: str, *probes: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        """Register a function under its own name, with its docstring as the sentence."""

        def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
            sentence = " ".join((function.__doc__ or "").split())
            self.add(Plant(function.__name__, sentence, page, probes, function))
            return function

        return register


FAULTS = Registry()
VARIATIONS = Registry()
