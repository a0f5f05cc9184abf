"""A check of one rule on every exchange that it applies to, and the violations that were found in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harness.client.exchange import Exchange
from harness.violations import RuleViolation

Subject = TypeVar("Subject")
MAX_KEPT = 3


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """A rule and the function that yields one sentence for each violation of it in a subject.

    `applies` says whether the rule can be tried on a subject at all.
    """

    id: str
    page: str
    sentence: str
    find: Callable[[Subject], Iterator[str]]
    applies: Callable[[Subject], bool]

    def problems(self, subject: Subject) -> list[str]:
        """The violations in a subject to which the check applies."""
        try:
            return list(self.find(subject))
        except RuleViolation as violation:
            return [violation.actual]
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            return [f"the response could not be interpreted: {type(error).__name__}: {error}"]


@dataclass
class Findings:
    """By rule, how many subjects were checked, and the first few violations with their exchanges."""

    checked: dict[str, int] = field(default_factory=dict)
    violations: dict[str, list[tuple[str, Exchange]]] = field(default_factory=dict)

    def count(self, rule: str) -> None:
        self.checked[rule] = self.checked.get(rule, 0) + 1

    def add(self, rule: str, message: str, exchange: Exchange) -> None:
        kept = self.violations.setdefault(rule, [])
        if len(kept) < MAX_KEPT:
            kept.append((message, exchange))

    def run(self, check: Check[Subject], subject: Subject, exchange: Exchange) -> None:
        """Try a check on a subject, if it applies."""
        if check.applies(subject):
            self.count(check.id)
            for message in check.problems(subject):
                self.add(check.id, message, exchange)
