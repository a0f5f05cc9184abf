"""Owns the summary that a run prints: a verdict for every rule, then the score; reads verdicts and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from harness.results import Outcome, Verdict, Verdicts

MARKUP: dict[Outcome, dict[str, bool]] = {
    Outcome.KEPT: {"green": True},
    Outcome.BROKEN: {"red": True, "bold": True},
    Outcome.OBSERVED: {"cyan": True},
    Outcome.UNSEEN: {"yellow": True},
}

Line = tuple[str, dict[str, bool]]


def lines(verdicts: Verdicts, *, brief: bool, width: int | None) -> Iterator[Line]:
    """The lines to print with their markup; a brief summary leaves out what was kept. Without a width none is cut."""
    for subject, members in verdicts.by_subject().items():
        told = [verdict for verdict in members if not brief or verdict.outcome is not Outcome.KEPT]
        if not told:
            continue
        yield "", {}
        yield subject, {"bold": True}
        for verdict in told:
            yield _line(verdict, width), MARKUP[verdict.outcome]


def score(verdicts: Verdicts) -> Line:
    counted = verdicts.counted()
    return verdicts.score, {"bold": True, "red" if counted[Outcome.BROKEN] else "green": True}


def _line(verdict: Verdict, width: int | None) -> str:
    says = verdict.rule.says if verdict.outcome is Outcome.KEPT else verdict.came or verdict.rule.says
    text = f"  {verdict.outcome.value:<9} {verdict.rule.id:<42} {' '.join(says.split())}"
    return text if width is None or len(text) <= width else text[: width - 1] + "…"
