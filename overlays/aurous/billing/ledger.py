"""Adds receipts up, and holds them to a budget. Knows no HTTP, and of a call only what it cost."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from ..errors import BudgetExceededError, ConfigurationError
from ..transport.locks import Lock
from .exact_sum import EXACT, total

if TYPE_CHECKING:
    from .receipts import Receipt

REMEMBERED: Final = 10_000
"""Completions that a ledger knows again, so that none is entered twice."""


@dataclass(frozen=True, kw_only=True)
class LedgerLine:
    """What one model has cost."""

    calls: int = 0
    """Charged ones; replays are not."""
    replays: int = 0
    credits: Decimal = Decimal(0)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    pricing_versions: frozenset[int] = frozenset()

    def plus(self, entry: Receipt) -> LedgerLine:
        if entry.replayed:
            return replace(self, replays=self.replays + 1)
        return replace(
            self,
            calls=self.calls + 1,
            credits=EXACT.add(self.credits, entry.credits),
            prompt_tokens=self.prompt_tokens + entry.prompt_tokens,
            completion_tokens=self.completion_tokens + entry.completion_tokens,
            reasoning_tokens=self.reasoning_tokens + entry.reasoning_tokens,
            pricing_versions=self.pricing_versions | {entry.pricing_version},
        )


class Ledger:
    """Adds up the receipts of a client, by model. Safe to share between threads; its memory does not grow with use."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lines: dict[str, LedgerLine] = {}
        # A completion may be met more than once: streamed, then cancelled, then retrieved.
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._open: OrderedDict[str, tuple[Budget, ...]] = OrderedDict()

    @property
    def credits(self) -> Decimal:
        """All credits charged so far."""
        with self._lock:
            return total(line.credits for line in self._lines.values())

    @property
    def by_model(self) -> dict[str, LedgerLine]:
        """A copy of the lines, by the model that was billed."""
        with self._lock:
            return dict(self._lines)

    @property
    def unsettled(self) -> tuple[str, ...]:
        """The ids of completions that were begun and whose charge is not known: streams that broke off."""
        with self._lock:
            return tuple(self._open)

    def begin(self, completion_id: str) -> None:
        """A completion has begun whose receipt is still to come."""
        with self._lock:
            if completion_id not in self._settled and completion_id not in self._open:
                _remember(self._open, completion_id, self._budgets())

    def settle(self, entry: Receipt, *, created: bool) -> None:
        """Enter a receipt, once for each completion.

        created: whether this call made the completion; otherwise it is only entered if it was begun here.
        """
        with self._lock:
            known = entry.completion_id in self._open
            budgets = self._open.pop(entry.completion_id, ()) if known else self._budgets()
            if not (created or known) or entry.completion_id in self._settled:
                if created and entry.replayed:
                    self._enter(entry)
                return
            if not entry.replayed:
                _remember(self._settled, entry.completion_id, None)
            self._enter(entry)
        if not entry.replayed:
            for budget in budgets:
                budget.add(entry.credits)

    @contextmanager
    def budget(self, credits: Decimal | str | int) -> Iterator[Budget]:
        """Hold the calls that are entered here, and made inside the block, to a sum; tasks that it starts count too.

        Threads do not: run what they do under `contextvars.copy_context().run`. An inner budget counts for the outer.
        """
        made = Budget(_amount(credits), self)
        token = _BUDGETS.set((*_BUDGETS.get(), made))
        try:
            yield made
        finally:
            _BUDGETS.reset(token)

    def check_budgets(self) -> None:
        """Raise BudgetExceededError if a budget that is in force is spent."""
        for budget in self._budgets():
            budget.check()

    def _budgets(self) -> tuple[Budget, ...]:
        return tuple(budget for budget in _BUDGETS.get() if budget.ledger is self)

    def _enter(self, entry: Receipt) -> None:
        self._lines[entry.model] = self._lines.get(entry.model, LedgerLine()).plus(entry)


class Budget:
    """A sum that the calls of one flow may spend. A call is refused once it is spent, and not before.

    What a call will cost is known only afterwards, so the last one can go beyond the budget, by its own price; calls
    that run at the same time can each be such a last one.
    """

    def __init__(self, credits: Decimal, ledger: Ledger) -> None:
        self.credits = credits
        """What may be spent."""
        self.ledger = ledger
        """The ledger of the client whose calls it holds."""
        self._spent = Decimal(0)
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Budget(credits={self.credits}, spent={self.spent})"

    @property
    def spent(self) -> Decimal:
        with self._lock:
            return self._spent

    @property
    def remaining(self) -> Decimal:
        """What is left; below 0 after the last call went beyond."""
        return EXACT.subtract(self.credits, self.spent)

    def add(self, credits: Decimal) -> None:
        with self._lock:
            self._spent = EXACT.add(self._spent, credits)

    def check(self) -> None:
        """Raise BudgetExceededError if it is spent."""
        if self.remaining <= 0:
            raise BudgetExceededError(f"the budget of {self.credits} credits is spent ({self.spent}); nothing was sent")


_BUDGETS: ContextVar[tuple[Budget, ...]] = ContextVar("aurous_budgets", default=())


def _amount(credits: Decimal | str | int) -> Decimal:
    if isinstance(credits, float):
        raise ConfigurationError("budget: give credits as a string or Decimal, since a float is not exact")
    try:
        amount = Decimal(credits)
    except (InvalidOperation, TypeError, ValueError):
        raise ConfigurationError(f"budget: {credits!r} is no number of credits") from None
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError("budget: credits must be 0 or more")
    return amount


def _remember(known: OrderedDict[str, Any], name: str, value: object) -> None:
    known[name] = value
    while len(known) > REMEMBERED:
        known.popitem(last=False)
