"""The results of trying variants, as text, JSON and a page: which rule caught which fault."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mutants.registry import Kind, Variant
from mutants.suite_runner import SuiteRun


class Outcome(StrEnum):
    CAUGHT = "caught"
    MISSED = "missed"
    PASSED = "passed"
    FALSE_ALARM = "false alarm"
    # The variant or the suite crashed: nothing is known, which does not count as success.
    NO_RESULT = "no result"


GOOD = (Outcome.CAUGHT, Outcome.PASSED)


@dataclass(frozen=True)
class VariantResult:
    """The result of one variant. `baseline` is whether plain schemathesis reported failures; None if it was not run."""

    variant: Variant
    suite_run: SuiteRun
    crashed: bool = False
    baseline: bool | None = None

    @property
    def outcome(self) -> Outcome:
        if self.crashed or not self.suite_run.finished:
            return Outcome.NO_RESULT
        if self.variant.kind is Kind.FAULT:
            return Outcome.CAUGHT if self.suite_run.failed else Outcome.MISSED
        return Outcome.FALSE_ALARM if self.suite_run.failed else Outcome.PASSED

    @property
    def good(self) -> bool:
        return self.outcome in GOOD


class Matrix:
    """All results of a run."""

    def __init__(self, results: Iterable[VariantResult]) -> None:
        self.results = sorted(results, key=lambda result: (result.variant.kind, result.variant.id))

    def of(self, kind: Kind) -> list[VariantResult]:
        return [result for result in self.results if result.variant.kind is kind]

    @property
    def bad(self) -> list[VariantResult]:
        return [result for result in self.results if not result.good]

    @property
    def score(self) -> str:
        """One line, such as `80 of 80 faults caught, 0 false alarms in 20 variations`."""
        line = _scored([(result.variant.kind, result.outcome) for result in self.results])
        asked = [result for result in self.of(Kind.FAULT) if result.baseline is not None]
        if asked:
            line += f"; plain schemathesis: {sum(bool(result.baseline) for result in asked)} of {len(asked)}"
        return line

    def as_text(self) -> str:
        return "\n".join(map(line_of, self.results)) + f"\n\n{self.score}\n"

    def as_json(self) -> str:
        rows = [
            {
                "id": result.variant.id,
                "kind": result.variant.kind,
                "sentence": result.variant.sentence,
                "page": result.variant.page,
                "outcome": result.outcome,
                "rules": result.suite_run.failed,
                "tests": result.suite_run.tests,
                "actual": result.suite_run.actual,
                "seconds": round(result.suite_run.seconds, 1),
                "schemathesis": result.baseline,
            }
            for result in self.results
        ]
        return json.dumps({"score": self.score, "variants": rows}, indent=1, ensure_ascii=False) + "\n"

    def as_record(self) -> str:
        """What makes a later run faster: by id, the first test that caught the variant."""
        hits = {
            result.variant.id: result.suite_run.tests[0] for result in self.of(Kind.FAULT) if result.suite_run.tests
        }
        return json.dumps(hits, indent=1) + "\n"

    def as_page(self) -> str:
        """Markdown, for the repository."""
        lines = [
            "# What the suite catches",
            "",
            "Written by `scripts/mutation_score.py --record`; not to be edited.",
            "",
        ]
        lines += [f"**{self.score}.**", ""]
        lines += [
            "The rule is the first that failed. The suite stops there: others may fail too.",
            "",
        ]
        for kind, title in ((Kind.FAULT, "Planted faults"), (Kind.VARIATION, "Legal variations")):
            lines += [f"## {title}", "", "| id | documented | page | outcome | rule |", "|---|---|---|---|---|"]
            lines += map(_row, self.of(kind))
            lines.append("")
        return "\n".join(lines)

    def revise(self, page: str) -> str:
        """The page with the rows of these variants, and only these, replaced."""
        rows = {result.variant.id: _row(result) for result in self.results}
        lines = [rows.get(_named(line), line) for line in page.splitlines()]
        outcomes = []
        for line in lines:
            if line.startswith("## "):
                kind = Kind.VARIATION if "variations" in line else Kind.FAULT
            if _named(line):
                outcomes.append((kind, Outcome(line.split(" | ")[3].partition(" (")[0].strip("*"))))
        headline = next(place for place, line in enumerate(lines) if line.startswith("**"))
        lines[headline] = f"**{_scored(outcomes)}.**"
        return "\n".join(lines) + "\n"


def _named(line: str) -> str:
    """The variant that a line of the page is about, if it is about one."""
    return line.split("`")[1] if line.startswith("| `") else ""


def _scored(outcomes: Sequence[tuple[Kind, Outcome]]) -> str:
    counted = Counter(outcome for _, outcome in outcomes)
    of = Counter(kind for kind, _ in outcomes)
    line = f"{counted[Outcome.CAUGHT]} of {of[Kind.FAULT]} faults caught, "
    line += f"{counted[Outcome.FALSE_ALARM]} false alarms in {of[Kind.VARIATION]} variations"
    return line + (f", {counted[Outcome.NO_RESULT]} without a result" if counted[Outcome.NO_RESULT] else "")


def line_of(result: VariantResult) -> str:
    """One line for a terminal."""
    baseline = {None: "", True: "  schemathesis: yes", False: "  schemathesis: no"}[result.baseline]
    rules = ", ".join(result.suite_run.failed[:3])
    return f"{result.outcome:11} {result.variant.id:42} {rules or '-'}{baseline}"


def _row(result: VariantResult) -> str:
    rule = f"`{result.suite_run.failed[0]}`" if result.suite_run.failed else ""
    outcome = str(result.outcome) if result.good else f"**{result.outcome}**"
    if result.baseline is not None:
        outcome += " (schemathesis too)" if result.baseline else ""
    return f"| `{result.variant.id}` | {result.variant.sentence} | {result.variant.page} | {outcome} | {rule} |"
