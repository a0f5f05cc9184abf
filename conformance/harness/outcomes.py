"""Owns the passage from how a test ended to what was found, and the telling of a breach; knows no single rule."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.client.exchange import Exchange, answer, curl, redacted
from harness.results import Finding, Outcome, Shown
from harness.rules import Level
from harness.violations import Breach, Observation, Unseen, leaves

SUITE = Path(__file__).resolve().parents[1]
MOST_SHOWN = 4


def judge(error: BaseException | None, level: Level, *, missing: bool) -> tuple[Outcome, str, tuple[Exchange, ...]]:
    """The outcome, one sentence about it, and the exchanges that show it."""
    if error is None:
        return Outcome.KEPT, "", ()
    cause = _most_telling(error)
    if isinstance(cause, Observation):
        return Outcome.OBSERVED, str(cause), ()
    if isinstance(cause, Unseen | pytest.skip.Exception):
        return Outcome.UNSEEN, str(cause), ()
    came = cause.came if isinstance(cause, Breach) else _in_own_words(cause)
    exchanges = cause.exchanges if isinstance(cause, Breach) else ()
    if level is Level.OBSERVED:
        return Outcome.OBSERVED, came, exchanges
    if missing and isinstance(cause, Breach):
        # The fault has a rule of its own; here it only means that there was nothing to try this one on.
        return Outcome.UNSEEN, f"what it needs is missing: {came}", exchanges
    return Outcome.BROKEN, came, exchanges


def shown(exchanges: tuple[Exchange, ...], recorded: list[Exchange], redact: Callable[[str], str]) -> tuple[Shown, ...]:
    """The exchanges that a breach named, or the last one of the test."""
    chosen = exchanges or tuple(recorded[-1:])
    clean = [redacted(exchange, redact) for exchange in chosen[:MOST_SHOWN]]
    return tuple(Shown(curl(exchange), answer(exchange)) for exchange in clean)


def tell(finding: Finding) -> str:
    """A broken rule as a reader wants it: what was sent, what came, what the documentation says, where."""
    lines = [
        f"rule  {finding.rule.id}",
        f"says  {finding.rule.says}",
        f"page  {finding.rule.url}",
        f"came  {finding.came}",
    ]
    for exchange in finding.shown:
        lines += ["", f"$ {exchange.curl}", *(f"  {line}" for line in exchange.answer.splitlines())]
    return "\n".join(lines)


def _most_telling(error: BaseException) -> BaseException:
    found = leaves(error)
    ranks: list[type[BaseException]] = [Breach, Observation, Unseen]
    for rank in ranks:
        for leaf in found:
            if isinstance(leaf, rank):
                return leaf
    return found[0]


def _in_own_words(error: BaseException) -> str:
    """An error that no rule foresaw, with the line of the suite that met it and none of the libraries'."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(SUITE)]
    place = f" (met at {Path(own[-1].filename).relative_to(SUITE)}:{own[-1].lineno})" if own else ""
    return f"the answer could not be made sense of: {type(error).__name__}: {error}{place}"
