"""The results of the suite on variants, as text, JSON and a page: which rule caught which planted fault."""

import json
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
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
# The code that decides a result, as a digest: of a variant, and of the rules of a module or of all.
Digest = Callable[[Variant, str], str]


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

    @property
    def module(self) -> str:
        """The module of the test that failed first; empty if the result depends on the rules of all modules."""
        if self.outcome is not Outcome.CAUGHT:
            return ""
        test = next(iter(self.suite_run.tests), "")
        return test.partition("::")[0].rpartition("/")[2].removesuffix(".py")


TITLES = {Kind.FAULT: "Planted faults", Kind.VARIATION: "Legal variations"}
COLUMNS = "| id | documented | page | outcome | rule | module | code |"
TOO = " (schemathesis too)"
HEAD = """\
# What the suite catches

Written by `scripts/mutation_score.py --record`; not to be edited.

**{score}.**

The rule is the first that failed. The suite stops there: others may fail too.
A fault is shown to every rule before it counts as missed, and a variation to every rule.
Variations of the independent server are planted several at a time, and alone if a rule fails.
What begins with `independent` is planted in the independent server, the rest in front of the mock.

The module is that of the rule; without one, the result depends on all rules. The code is a digest of these rules and of
the variant. A row whose code has changed is out of date, and is removed when others are recorded.
"""


class Row(NamedTuple):
    """The recorded result of a variant."""

    outcome: Outcome
    rule: str
    module: str
    code: str
    # Whether plain schemathesis reported failures too.
    baseline: bool = False

    @classmethod
    def of(cls, result: VariantResult, digest: Digest) -> "Row":
        rule = next(iter(result.suite_run.failed), "")
        code = digest(result.variant, result.module)
        return cls(result.outcome, rule, result.module, code, bool(result.baseline))

    @classmethod
    def read(cls, cells: Sequence[str]) -> "Row":
        outcome, rule, module, code = (cell.strip("*`") for cell in cells)
        return cls(Outcome(outcome.removesuffix(TOO)), rule, module, code, outcome.endswith(TOO))

    def is_valid(self, variant: Variant, digest: Digest) -> bool:
        """Whether the code that decided the result is still the same."""
        return self.code == digest(variant, self.module)

    def as_line(self, variant: Variant) -> str:
        outcome = str(self.outcome) if self.outcome in GOOD else f"**{self.outcome}**"
        rule, module, code = (f"`{text}`" if text else "" for text in (self.rule, self.module, self.code))
        cells = (f"`{variant.id}`", variant.sentence, variant.page, outcome + TOO * self.baseline, rule, module, code)
        return f"| {' | '.join(cells)} |"


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

    def as_page(self, earlier: str, known: Mapping[str, Variant], digest: Digest) -> str:
        """Markdown, for the repository.

        Of an `earlier` page, the rows of `known` variants that this run did not try are kept, if they are valid.
        """
        variants = {**known, **{result.variant.id: result.variant for result in self.results}}
        rows = recorded(earlier, known, digest)
        rows |= {result.variant.id: Row.of(result, digest) for result in self.results}
        score = _scored([(variants[name].kind, row.outcome) for name, row in rows.items()])
        untried = len(known.keys() - rows.keys())
        lines = [HEAD.format(score=score + (f", {untried:,} variants without a row" if untried else ""))]
        for kind, title in TITLES.items():
            lines += [f"## {title}", "", COLUMNS, "|---" * COLUMNS.count(" | ") + "|---|"]
            of_kind = sorted((name, row) for name, row in rows.items() if variants[name].kind is kind)
            lines += [*(row.as_line(variants[name]) for name, row in of_kind), ""]
        return "\n".join(lines)


def recorded(page: str, known: Mapping[str, Variant], digest: Digest) -> dict[str, Row]:
    """The valid rows of a page, by the ids of variants that are still known."""
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    rows = {cells[0].strip(" `"): Row.read([cell.strip() for cell in cells[-4:]]) for cells in lines}
    return {name: row for name, row in rows.items() if name in known and row.is_valid(known[name], digest)}


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
