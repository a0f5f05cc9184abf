"""How the end of a test becomes the outcome of a rule, and how a failure is described."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

from harness.client.exchange import Exchange, curl, format_response, redacted
from harness.interpretation import EXPECTED, describe, misfit_of
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


def classify(
    error: BaseException | None, level: Level, *, setup_failed_before: bool, recorded: Sequence[Exchange] = ()
) -> Classified:
    """Classify how a test ended.

    `setup_failed_before`: the same error of a fixture has failed another rule already; `recorded`: what the test sent.
    """
    if error is None:
        return Classified(Outcome.PASSED)
    cause = _most_specific(error)
    if isinstance(cause, Informational):
        return Classified(Outcome.INFORMATIONAL, str(cause))
    if isinstance(cause, NotTested | pytest.skip.Exception):
        return Classified(Outcome.NOT_TESTED, str(cause))
    violation = cause if isinstance(cause, RuleViolation) else _unreadable(cause, recorded)
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


def _unreadable(error: BaseException, recorded: Sequence[Exchange]) -> RuleViolation:
    """An unexpected error as a violation: by the response that the test had at hand and does not fit its schema."""
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _is_own(frame)]
    held = [exchange for frame, _ in reversed(frames) for value in frame.f_locals.values() for exchange in _in(value)]
    exchange = next(filter(misfit_of, [*held, *reversed(recorded[-1:])]), None)
    place = f" at {_file(frames[-1][0]).relative_to(SUITE)}:{frames[-1][1]}" if frames else ""
    if exchange is None:
        return RuleViolation(describe(error, None, place))
    return RuleViolation(describe(error, exchange, place), exchange, expected=EXPECTED)


def _is_own(frame: FrameType) -> bool:
    return _file(frame).is_relative_to(SUITE)


def _file(frame: FrameType) -> Path:
    return Path(frame.f_code.co_filename)


def _in(value: object, depth: int = 2) -> Iterator[Exchange]:
    """The exchanges in a variable of a test: one, several, or those of a stream, a result or the like."""
    if isinstance(value, Exchange):
        yield value
    elif depth > 0 and isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _in(each, depth - 1)
    elif depth > 0 and is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _in(getattr(value, field.name), depth - 1)
