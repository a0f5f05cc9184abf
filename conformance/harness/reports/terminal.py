"""The summary that a run prints: the outcome of every rule, then the score."""

from __future__ import annotations

from collections.abc import Iterator

from harness.results import Outcome, RuleResult, RunResults, counted

MARKUP: dict[Outcome, dict[str, bool]] = {
    Outcome.PASSED: {"green": True},
    Outcome.FAILED: {"red": True, "bold": True},
    Outcome.INFORMATIONAL: {"cyan": True},
    Outcome.NOT_TESTED: {"yellow": True},
}

Line = tuple[str, dict[str, bool]]


def lines(results: RunResults, *, brief: bool, width: int | None) -> Iterator[Line]:
    """The lines to print with their markup; a brief summary leaves out what passed. Without a width none is cut."""
    for subject, members in results.by_subject().items():
        listed = [result for result in members if not brief or result.outcome is not Outcome.PASSED]
        if not listed:
            continue
        yield "", {}
        yield subject, {"bold": True}
        for result in listed:
            yield _line(result, width), MARKUP[result.outcome]


def score(results: RunResults) -> Line:
    """The score; without a rule that was tested, it is no success."""
    colour = "red" if results.counts()[Outcome.FAILED] else "green" if results.has_tested else "yellow"
    return results.score, {"bold": True, colour: True}


def _line(result: RuleResult, width: int | None) -> str:
    says = result.rule.sentence if result.outcome is Outcome.PASSED else result.actual or result.rule.sentence
    text = f"  {result.outcome.label:<13} {result.rule.id:<42} {' '.join(says.split())}"
    return text if width is None or len(text) <= width else text[: width - 1] + "…"


def left_out(results: RunResults) -> Iterator[str]:
    """How many rules were not tested because the budget, the time or the server was missing, and why."""
    for limit in ("budget", "time limit", "rate limited", "server gone", "key refused", "out of credits"):
        rules = [result for result in results if _has_reason(result, limit)]
        if rules:
            reason = next(check.actual for check in rules[0].checks if check.actual.startswith(limit))
            verb = "was" if len(rules) == 1 else "were"
            yield f"{counted(len(rules), 'rule')} {verb} not tested, or not in full: {reason}"


def _has_reason(result: RuleResult, limit: str) -> bool:
    return any(check.outcome is Outcome.NOT_TESTED and check.actual.startswith(limit) for check in result.checks)
