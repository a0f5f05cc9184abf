"""Owns what came of trying variants: who was caught by which rule, as text, JSON and a page; runs nothing."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mutants.registry import Kind, Variant
from mutants.suite_runner import Trial


class Outcome(StrEnum):
    CAUGHT = "caught"
    MISSED = "missed"
    PASSED = "passed"
    FALSE_ALARM = "false alarm"
    # The variant or the suite fell over: nothing is known, and that is not good enough either.
    VOID = "void"


GOOD = (Outcome.CAUGHT, Outcome.PASSED)


@dataclass(frozen=True)
class Entry:
    """One variant, tried. `stranger` is what plain schemathesis said: whether it complained, None if not asked."""

    variant: Variant
    trial: Trial
    crashed: bool = False
    stranger: bool | None = None

    @property
    def outcome(self) -> Outcome:
        if self.crashed or not self.trial.finished:
            return Outcome.VOID
        if self.variant.kind is Kind.FAULT:
            return Outcome.CAUGHT if self.trial.broken else Outcome.MISSED
        return Outcome.FALSE_ALARM if self.trial.broken else Outcome.PASSED

    @property
    def good(self) -> bool:
        return self.outcome in GOOD


class Matrix:
    """All entries of a run."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: (entry.variant.kind, entry.variant.id))

    def of(self, kind: Kind) -> list[Entry]:
        return [entry for entry in self.entries if entry.variant.kind is kind]

    @property
    def bad(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.good]

    @property
    def score(self) -> str:
        """One line, such as `80 of 80 faults caught, 0 false alarms in 20 variations`."""
        line = _scored([(entry.variant.kind, entry.outcome) for entry in self.entries])
        asked = [entry for entry in self.of(Kind.FAULT) if entry.stranger is not None]
        if asked:
            line += f"; plain schemathesis: {sum(bool(entry.stranger) for entry in asked)} of {len(asked)}"
        return line

    def as_text(self) -> str:
        return "\n".join(map(line_of, self.entries)) + f"\n\n{self.score}\n"

    def as_json(self) -> str:
        rows = [
            {
                "id": entry.variant.id,
                "kind": entry.variant.kind,
                "says": entry.variant.says,
                "page": entry.variant.page,
                "outcome": entry.outcome,
                "rules": entry.trial.broken,
                "tests": entry.trial.tests,
                "came": entry.trial.came,
                "seconds": round(entry.trial.seconds, 1),
                "schemathesis": entry.stranger,
            }
            for entry in self.entries
        ]
        return json.dumps({"score": self.score, "variants": rows}, indent=1, ensure_ascii=False) + "\n"

    def as_record(self) -> str:
        """What a later run wants to know: by id, the first test that saw the variant."""
        seen = {entry.variant.id: entry.trial.tests[0] for entry in self.of(Kind.FAULT) if entry.trial.tests}
        return json.dumps(seen, indent=1) + "\n"

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
            "The rule is the one that was found broken first. The suite stops there: others may see the fault too.",
            "",
        ]
        for kind, title in ((Kind.FAULT, "Planted faults"), (Kind.VARIATION, "Legal variations")):
            lines += [f"## {title}", "", "| id | documented | page | outcome | rule |", "|---|---|---|---|---|"]
            lines += map(_row, self.of(kind))
            lines.append("")
        return "\n".join(lines)

    def revise(self, page: str) -> str:
        """A page on which these variants, and only these, have come out anew."""
        rows = {entry.variant.id: _row(entry) for entry in self.entries}
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
    return line + (f", {counted[Outcome.VOID]} without a verdict" if counted[Outcome.VOID] else "")


def line_of(entry: Entry) -> str:
    """One line for a terminal."""
    stranger = {None: "", True: "  schemathesis: yes", False: "  schemathesis: no"}[entry.stranger]
    rules = ", ".join(entry.trial.broken[:3])
    return f"{entry.outcome:11} {entry.variant.id:42} {rules or '-'}{stranger}"


def _row(entry: Entry) -> str:
    rule = f"`{entry.trial.broken[0]}`" if entry.trial.broken else ""
    outcome = str(entry.outcome) if entry.good else f"**{entry.outcome}**"
    if entry.stranger is not None:
        outcome += " (schemathesis too)" if entry.stranger else ""
    return f"| `{entry.variant.id}` | {entry.variant.says} | {entry.variant.page} | {outcome} | {rule} |"
