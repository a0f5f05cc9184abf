"""Owns verdicts: one for each test of a rule, merged into one for the rule, and the score; prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from harness.rules import Level, Rule


class Outcome(StrEnum):
    """How a rule fared. The order is the order of precedence when several tests prove one rule."""

    BROKEN = "broken"
    UNSEEN = "unseen"
    OBSERVED = "observed"
    KEPT = "kept"


PRECEDENCE = list(Outcome)


@dataclass(frozen=True)
class Shown:
    """An exchange as the reports show it: the request as a curl command, the answer as text."""

    curl: str
    answer: str


@dataclass(frozen=True)
class Finding:
    """What one test found out about its rule. Made of plain values, so that it can cross processes."""

    rule: Rule
    test: str
    outcome: Outcome
    came: str = ""
    shown: tuple[Shown, ...] = ()
    requests: int = 0
    credits: float = 0.0
    seconds: float = 0.0

    def packed(self) -> dict[str, Any]:
        packed = asdict(self)
        packed["rule"]["level"] = self.rule.level.value
        return {**packed, "outcome": self.outcome.value, "shown": [asdict(shown) for shown in self.shown]}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Finding:
        rule = {**packed["rule"], "level": Level(packed["rule"]["level"])}
        return cls(
            **{
                **packed,
                "rule": Rule(**rule),
                "outcome": Outcome(packed["outcome"]),
                "shown": tuple(Shown(**shown) for shown in packed["shown"]),
            }
        )


@dataclass
class Verdict:
    """What all tests of a rule found together."""

    rule: Rule
    findings: list[Finding] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        # A rule that some of its tests could try, and kept, is kept; what the others could not try is told beside it.
        outcomes = {finding.outcome for finding in self.findings}
        if outcomes == {Outcome.UNSEEN, Outcome.KEPT}:
            return Outcome.KEPT
        return min(outcomes, key=PRECEDENCE.index)

    @property
    def telling(self) -> Finding:
        """The finding that says most about the outcome."""
        return next(finding for finding in self.findings if finding.outcome == self.outcome)

    @property
    def came(self) -> str:
        return self.telling.came

    @property
    def evidence(self) -> str:
        """How much stands behind the verdict."""
        requests = sum(finding.requests for finding in self.findings)
        tests = len(self.findings)
        return f"{tests} {'test' if tests == 1 else 'tests'}, {requests} {'request' if requests == 1 else 'requests'}"


@dataclass
class Verdicts:
    """The verdicts of a run, in the order in which the rules were first tried."""

    by_rule: dict[str, Verdict] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        self.by_rule.setdefault(finding.rule.id, Verdict(finding.rule)).findings.append(finding)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.by_rule.values())

    def __len__(self) -> int:
        return len(self.by_rule)

    def counted(self) -> Counter[Outcome]:
        return Counter(verdict.outcome for verdict in self.by_rule.values())

    def by_subject(self) -> dict[str, list[Verdict]]:
        subjects: dict[str, list[Verdict]] = {}
        for verdict in self.by_rule.values():
            subjects.setdefault(verdict.rule.subject, []).append(verdict)
        return subjects

    @property
    def score(self) -> str:
        """One line, the size of a badge."""
        counted = self.counted()
        parts = [f"{counted[Outcome.KEPT]} kept", f"{counted[Outcome.BROKEN]} broken"]
        if counted[Outcome.OBSERVED]:
            parts.append(f"{counted[Outcome.OBSERVED]} observed")
        parts.append(f"{counted[Outcome.UNSEEN]} unseen")
        return f"{len(self)} rules: {', '.join(parts)}"
