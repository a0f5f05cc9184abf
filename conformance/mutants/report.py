"""The results of the suite on variants, as text, JSON and a page: which rule caught which planted fault."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mutants.registry import Kind, Variant
from mutants.suite_runner import SuiteRun


class Outcome(StrEnum):
    CAUGHT = "caught"
    MISSED = "missed"
    PASSED = "passed"
    FALSE_ALARM = "false alarm"
    # The variant or the suite crashed, which does not count as success.
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


_RECORDED = "All rows were recorded with the same rules, "
TITLES = {Kind.FAULT: "Planted faults", Kind.VARIATION: "Legal variations"}


class Row(NamedTuple):
    """A line of the page."""

    kind: Kind
    id: str
    outcome: Outcome
    text: str


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

    def as_record(self, earlier: Mapping[str, str] | None = None, known: Container[str] = ()) -> str:
        """What makes a later run faster: by id, the first rule that caught the variant.

        Of `earlier` records, those of `known` variants that this run did not try are kept.
        """
        tried = {result.variant.id for result in self.results}
        kept = {name: rule for name, rule in (earlier or {}).items() if name in known and name not in tried}
        hits = {
            result.variant.id: result.suite_run.failed[0] for result in self.of(Kind.FAULT) if result.suite_run.failed
        }
        return json.dumps(dict(sorted({**kept, **hits}.items())), indent=1) + "\n"

    def as_page(self, earlier: str = "", known: Container[str] = (), *, rules: str = "", day: str = "") -> str:
        """Markdown, for the repository.

        Of an `earlier` page, the rows of `known` variants that this run did not try are kept, if they were recorded
        with the same rules. `rules` identifies those of this run, `day` says when it was.
        """
        rows = {name: row for name, row in recorded(earlier, rules).items() if name in known}
        rows |= {result.variant.id: _row(result) for result in self.results}
        ordered = sorted(rows.values())
        lines = [
            "# What the suite catches",
            "",
            "Written by `scripts/mutation_score.py --record`; not to be edited.",
            "",
            f"**{_scored([(row.kind, row.outcome) for row in ordered])}.**",
            "",
            f"{_RECORDED}`{rules}`, last on {day}. Rows of other rules are removed when a row is recorded.",
            "",
            "The rule is the first that failed. The suite stops there: others may fail too.",
            "A fault is shown to every rule before it counts as missed, and a variation to every rule.",
            "Variations of the independent server are planted several at a time, and alone if a rule fails.",
            "What begins with `independent` is planted in the independent server, the rest in front of the mock.",
            "",
        ]
        for kind, title in TITLES.items():
            lines += [f"## {title}", "", "| id | documented | page | outcome | rule |", "|---|---|---|---|---|"]
            lines += [row.text for row in ordered if row.kind is kind]
            lines.append("")
        return "\n".join(lines)


def recorded(page: str, rules: str) -> dict[str, Row]:
    """The rows of a page by the variant's id; none if they were recorded with other rules."""
    return {row.id: row for row in _rows_of(page)} if f"{_RECORDED}`{rules}`" in page else {}


def _rows_of(page: str) -> Iterator[Row]:
    kind = Kind.FAULT
    kinds = {f"## {title}": kind for kind, title in TITLES.items()}
    for line in page.splitlines():
        kind = kinds.get(line, kind)
        if line.startswith("| `"):
            name = line.split("`")[1]
            outcome = Outcome(line.split(" | ")[3].partition(" (")[0].strip("*"))
            yield Row(kind, name, outcome, line)


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


def _row(result: VariantResult) -> Row:
    rule = f"`{result.suite_run.failed[0]}`" if result.suite_run.failed else ""
    outcome = str(result.outcome) if result.good else f"**{result.outcome}**"
    if result.baseline is not None:
        outcome += " (schemathesis too)" if result.baseline else ""
    variant = result.variant
    text = f"| `{variant.id}` | {variant.sentence} | {variant.page} | {outcome} | {rule} |"
    return Row(variant.kind, variant.id, result.outcome, text)
