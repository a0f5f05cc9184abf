"""Changes of the server, planted faults and legal variations, by name, with the sentence that each is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import DOCUMENTATION


@dataclass(frozen=True)
class Change:
    """A planted fault or a legal variation, which `apply` makes of a correct application.

    `page` is the path of the page that it breaks, or whose freedom it uses; `probes` has the names of those of
    `probes.PROBES` whose observations it changes.
    """

    name: str
    sentence: str
    page: str
    probes: tuple[str, ...]
    apply: Callable[[Any], None]

    @property
    def url(self) -> str:
        return f"{DOCUMENTATION}/{self.page}"


class Registry(dict[str, Change]):
    """Changes by name."""

    def add(self, change: Change) -> None:
        if change.name in self:
            raise ValueError(f"two changes are called {change.name}")
        self[change.name] = change

    def plant(self, page: str, *probes: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        """Register a function under its own name, with its docstring as the sentence."""

        def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
            sentence = " ".join((function.__doc__ or "").split())
            self.add(Change(function.__name__, sentence, page, probes, function))
            return function

        return register


FAULTS = Registry()
VARIATIONS = Registry()
