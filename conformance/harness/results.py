"""Outcomes of tests and of rules, merged by rule, and the score of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from harness.rules import Level, Rule


class Outcome(StrEnum):
    """How a rule ended. The order is the order of precedence when several tests check one rule.

    Tests that could not be tried do not decide about a rule of which others could: the reports list them.
    """

    FAILED = "failed"
    INFORMATIONAL = "informational"
    PASSED = "passed"
    NOT_TESTED = "not_tested"

    @property
    def label(self) -> str:
        """The outcome as people read it."""
        return self.value.replace("_", " ")


PRECEDENCE = list(Outcome)


def counted(number: int, noun: str) -> str:
    """A number of things in words: `1 rule`, `2 rules`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class ExchangeView:
    """An exchange as the reports show it: the request as a curl command, the response as text."""

    curl: str
    response: str


@dataclass(frozen=True)
class CheckResult:
    """The result of one test of a rule. Made of plain values, so that it can cross processes."""

    rule: Rule
    test: str
    outcome: Outcome
    actual: str = ""
    expected: str = ""
    exchanges: tuple[ExchangeView, ...] = ()
    requests: int = 0
    credits: float = 0.0
    seconds: float = 0.0
    # Ids of the operations that the test called, and of those that succeeded in it.
    called: tuple[str, ...] = ()
    served: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        values["rule"]["level"] = self.rule.level.value
        return {**values, "outcome": self.outcome.value, "exchanges": [asdict(view) for view in self.exchanges]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CheckResult:
        rule = {**values["rule"], "level": Level(values["rule"]["level"])}
        return cls(
            **{
                **values,
                "rule": Rule(**rule),
                "outcome": Outcome(values["outcome"]),
                "exchanges": tuple(ExchangeView(**view) for view in values["exchanges"]),
                "called": tuple(values["called"]),
                "served": tuple(values["served"]),
            }
        )


@dataclass
class RuleResult:
    """The results of all tests of one rule."""

    rule: Rule
    checks: list[CheckResult] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        return min((check.outcome for check in self.checks), key=PRECEDENCE.index)

    @property
    def decisive(self) -> CheckResult:
        """The first check that has the rule's outcome."""
        return next(check for check in self.checks if check.outcome == self.outcome)

    @property
    def actual(self) -> str:
        return self.decisive.actual

    @property
    def evidence(self) -> str:
        """How many tests and requests the outcome rests on."""
        requests = sum(check.requests for check in self.checks)
        return f"{counted(len(self.checks), 'test')}, {counted(requests, 'request')}"


@dataclass
class RunResults:
    """The results of a run by rule, in the order in which the rules were first tried."""

    by_rule: dict[str, RuleResult] = field(default_factory=dict)

    def add(self, check: CheckResult) -> None:
        self.by_rule.setdefault(check.rule.id, RuleResult(check.rule)).checks.append(check)

    def operations_without_success(self) -> set[str]:
        """The operations that passed checks called, and no check succeeded with."""
        checks = [check for result in self for check in result.checks]
        passed = [check for check in checks if check.outcome is Outcome.PASSED]
        return {name for check in passed for name in check.called} - {name for check in checks for name in check.served}

    def mark_not_tested(self, operation: str, reason: str) -> None:
        """Turn the passed checks that called an operation into checks that tested nothing."""
        for result in self:
            result.checks = [
                replace(check, outcome=Outcome.NOT_TESTED, actual=reason)
                if check.outcome is Outcome.PASSED and operation in check.called
                else check
                for check in result.checks
            ]

    def __iter__(self) -> Iterator[RuleResult]:
        return iter(self.by_rule.values())

    def __len__(self) -> int:
        return len(self.by_rule)

    def counts(self) -> Counter[Outcome]:
        return Counter(result.outcome for result in self.by_rule.values())

    @property
    def has_tested(self) -> bool:
        """Whether any rule could be tested."""
        return any(result.outcome is not Outcome.NOT_TESTED for result in self)

    def by_subject(self) -> dict[str, list[RuleResult]]:
        """Rules by subject: subjects with failures first, and within each the failures first."""
        subjects: dict[str, list[RuleResult]] = {}
        for result in self.by_rule.values():
            subjects.setdefault(result.rule.subject, []).append(result)
        for members in subjects.values():
            members.sort(key=lambda result: result.outcome is not Outcome.FAILED)
        return dict(sorted(subjects.items(), key=lambda subject: subject[1][0].outcome is not Outcome.FAILED))

    @property
    def score(self) -> str:
        """One line, the size of a badge."""
        counts = self.counts()
        parts = [f"{counts[Outcome.PASSED]} passed", f"{counts[Outcome.FAILED]} failed"]
        if counts[Outcome.INFORMATIONAL]:
            parts.append(f"{counts[Outcome.INFORMATIONAL]} informational")
        parts.append(f"{counts[Outcome.NOT_TESTED]} not tested")
        return f"{counted(len(self), 'rule')}: {', '.join(parts)}"
