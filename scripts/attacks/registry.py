"""What an attack is, and the attacks there are."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from resilience.report import Check, RunReport

MODULES: Final = (
    "attacks.server_connections",
    "attacks.server_requests",
    "attacks.server_state",
    "attacks.server_commits",
    "attacks.gateway_upstreams",
    "attacks.gateway_tenants",
    "attacks.client_connections",
    "attacks.client_bodies",
    "attacks.client_keys",
    "attacks.client_retries",
    "attacks.suite_runs",
)
Target = Literal["server", "client", "suite"]


@dataclass
class Observations:
    """What an attack observed: figures for the reader, and checks that pass or fail."""

    figures: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def check(self, claim: str, passed: bool, detail: str = "") -> None:
        self.checks.append(Check(claim, passed, detail))

    def check_timing(self, claim: str, passed: bool, detail: str = "") -> None:
        """A check that a busy machine may fail: the command makes it, the tests of the repository do not."""
        self.checks.append(Check(claim, passed, detail, is_timing=True))


@dataclass(frozen=True)
class Attack:
    """One attack.

    name:    as on the command line
    target:  what is attacked
    summary: what it does, in one sentence
    run:     carries it out and fills in the observations
    slow:    whether it takes more than a few seconds, and is left out of the quick tests
    """

    name: str
    target: Target
    summary: str
    run: Callable[[Observations], None]
    slow: bool = False

    def report(self) -> RunReport:
        """Carry the attack out in this process."""
        observed = Observations()
        self.run(observed)
        return RunReport(f"{self.name}: {self.summary}", observed.figures, observed.checks)


_ATTACKS: dict[str, Attack] = {}


def attack(
    name: str, *, target: Target, slow: bool = False
) -> Callable[[Callable[[Observations], None]], Callable[[Observations], None]]:
    """Register a function as an attack; the first line of its docstring is the summary."""

    def register(run: Callable[[Observations], None]) -> Callable[[Observations], None]:
        summary = (run.__doc__ or "").strip().splitlines()[0]
        _ATTACKS[name] = Attack(name, target, summary, run, slow)
        return run

    return register


def all_attacks() -> dict[str, Attack]:
    """Every attack by its name."""
    for module in MODULES:
        importlib.import_module(module)
    return dict(_ATTACKS)


def select(names: list[str]) -> list[Attack]:
    """The attacks of these names; all without any. Raises LookupError for an unknown name."""
    known = all_attacks()
    for name in names:
        if name not in known:
            raise LookupError(f"{name!r} is not one of {', '.join(known)}")
    return [known[name] for name in known if not names or name in names]
