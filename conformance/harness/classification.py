"""How the end of a test becomes the outcome of a rule, and how a failure is described."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.client.exchange import Exchange, curl, format_response, redacted
from harness.results import CheckResult, ExchangeView, Outcome
from harness.rules import Level
from harness.violations import Informational, NotTested, RuleViolation, flatten

SUITE = Path(__file__).resolve().parents[1]
MAX_EXCHANGES_SHOWN = 4


class Classified(NamedTuple):
    """The outcome of a test, one sentence about it, what would have passed, and the exchanges that show it."""

    outcome: Outcome
    actual: str = ""
    expected: str = ""
    exchanges: tuple[Exchange, ...] = ()


def classify(error: BaseException | None, level: Level, *, setup_failed_before: bool) -> Classified:
    """Classify how a test ended. setup_failed_before: the same error of a fixture has failed another rule already"""
    if error is None:
        return Classified(Outcome.PASSED)
    cause = _most_specific(error)
    if isinstance(cause, Informational):
        return Classified(Outcome.INFORMATIONAL, str(cause))
    if isinstance(cause, NotTested | pytest.skip.Exception):
        return Classified(Outcome.NOT_TESTED, str(cause))
    violation = cause if isinstance(cause, RuleViolation) else RuleViolation(_describe_unexpected(cause))
    if level is Level.INFORMATIONAL:
        return Classified(Outcome.INFORMATIONAL, violation.actual, exchanges=violation.exchanges)
    if setup_failed_before and isinstance(cause, RuleViolation):
        return Classified(
            Outcome.NOT_TESTED, f"a prerequisite failed: {violation.actual}", exchanges=violation.exchanges
        )
    return Classified(Outcome.FAILED, violation.actual, violation.expected, violation.exchanges)


def exchange_views(
    exchanges: tuple[Exchange, ...], recorded: list[Exchange], redact: Callable[[str], str]
) -> tuple[ExchangeView, ...]:
    """The exchanges that a violation named, or the last one of the test, as the reports show them."""
    chosen = exchanges or tuple(recorded[-1:])
    clean = [redacted(exchange, redact) for exchange in chosen[:MAX_EXCHANGES_SHOWN]]
    return tuple(ExchangeView(curl(exchange), format_response(exchange)) for exchange in clean)


def describe_failure(check: CheckResult) -> str:
    """A failed rule in a terminal: what the documentation says and where, the request and the response."""
    lines = [
        f"rule      {check.rule.id}",
        f"page      {check.rule.url}",
        f"says      {check.rule.sentence}",
        f"actual    {check.actual}",
        f"expected  {check.expected or check.rule.sentence}",
    ]
    for exchange in check.exchanges:
        lines += ["", f"$ {exchange.curl}", *(f"  {line}" for line in exchange.response.splitlines())]
    return "\n".join(lines)


def _most_specific(error: BaseException) -> BaseException:
    errors = flatten(error)
    ranks: list[type[BaseException]] = [RuleViolation, Informational, NotTested]
    for rank in ranks:
        for leaf in errors:
            if isinstance(leaf, rank):
                return leaf
    return errors[0]


def _describe_unexpected(error: BaseException) -> str:
    """An unexpected error, with the line of the suite that raised it."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(SUITE)]
    place = f" (at {Path(own[-1].filename).relative_to(SUITE)}:{own[-1].lineno})" if own else ""
    return f"the response could not be interpreted: {type(error).__name__}: {error}{place}"
