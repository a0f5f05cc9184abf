"""The ledger: adds up receipts by model, and charges them to budgets.

Calls enter theirs with `enter_result`, `enter_unparsed` and `enter_unlisted`, streams of events with `enter`. A chat
stream announces its charge with `begin`, and it or its stored record enters it with `settle`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from typing import Any, Final, NamedTuple

from attrs import evolve
from aurous_client.operations import Charge, Operation, Response

from ..errors import APIResponseValidationError, ConfigurationError
from ..transport.locks import fork_safe_lock, share_lock
from ..types import Receipt
from .budget import ENTRIES, Budget, entered_budgets
from .receipts import EXACT, receipt, receipt_in, receipt_of_error, usage_of

MAX_REMEMBERED: Final = 10_000
"""Settled completions that a ledger remembers, so that none is entered twice. Unsettled ones are never forgotten."""

_MANY_UNSETTLED: Final = (
    "the charges of %d completions are unknown: recover() or cancel() streams that are interrupted or left, or retrieve"
    " the completions that client.ledger.unsettled lists"
)

logger = logging.getLogger("aurous")


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


class _Totals:
    """Adds up receipts of one model. Not a `LedgerLine` for each of them, which would take several times as long."""

    def __init__(self) -> None:
        self._calls = self._replays = 0
        self.credits = Decimal(0)
        self._prompt_tokens = self._completion_tokens = self._reasoning_tokens = 0
        self._pricing_versions: set[int] = set()

    def add(self, entry: Receipt) -> None:
        if entry.replayed:
            self._replays += 1
            return
        self._calls += 1
        self.credits = EXACT.add(self.credits, entry.credits)
        self._prompt_tokens += entry.prompt_tokens
        self._completion_tokens += entry.completion_tokens
        self._reasoning_tokens += entry.reasoning_tokens
        self._pricing_versions.add(entry.pricing_version)

    def line(self) -> LedgerLine:
        return LedgerLine(
            calls=self._calls,
            replays=self._replays,
            credits=self.credits,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            reasoning_tokens=self._reasoning_tokens,
            pricing_versions=frozenset(self._pricing_versions),
        )


class _Open(NamedTuple):
    """What has begun and whose charge is unknown: the budgets that it is charged to, and what they hold for it."""

    budgets: tuple[Budget, ...]
    held: Decimal = Decimal(0)
    model: str = ""

    def add(self, credits: Decimal) -> None:
        for budget in self.budgets:
            budget.add(credits)


class Ledger:
    """Adds up the receipts of a client, by model. Safe to share between threads.

    Its memory grows with the number of unsettled completions, and with nothing else.
    """

    def __init__(self) -> None:
        self._lock = fork_safe_lock(self)
        # Shared by the copies that `limited_by` makes. A budget knows its ledger, and those copies, by this object.
        self._lines: dict[str, _Totals] = {}
        # A completion may arrive more than once: streamed, then cancelled, then retrieved.
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._open: dict[str, _Open] = {}
        self._own_budgets: tuple[Budget, ...] = ()

    @property
    def credits(self) -> Decimal:
        """All credits charged so far."""
        with self._lock:
            return reduce(EXACT.add, (totals.credits for totals in self._lines.values()), Decimal(0))

    @property
    def by_model(self) -> dict[str, LedgerLine]:
        """A copy of the lines, by the model that was billed."""
        with self._lock:
            return {model: totals.line() for model, totals in self._lines.items()}

    @property
    def unsettled(self) -> tuple[str, ...]:
        """The ids of what was begun and whose charge is unknown: interrupted streams, and what credits are held for."""
        with self._lock:
            return tuple(self._open)

    def begin(self, completion_id: str, *, held: Decimal = Decimal(0), model: str = "") -> None:
        """Expect the receipt of a completion that has begun.

        held: credits that budgets count until then; model: the line to enter it in, instead of the one that it names
        """
        with self._lock:
            if completion_id in self._settled or completion_id in self._open:
                return
            opened = self._open[completion_id] = _Open(self._budgets(), held, model)
            is_many = len(self._open) == MAX_REMEMBERED
        opened.add(held)
        if is_many:
            logger.warning(_MANY_UNSETTLED, MAX_REMEMBERED)

    def charge(self, entry: Receipt, *, is_replay: bool = False) -> None:
        """Enter the receipt of a call that is charged, whether or not its response has an id.

        is_replay: whether the response was replayed; it is then entered only if no earlier call has been
        """
        is_open = entry.held or not entry.has_amount
        if entry.completion_id and (is_replay or is_open):
            if is_open:
                self.begin(entry.completion_id, held=entry.credits, model=entry.model)
            else:
                self.settle(entry, created=True)
            return
        with self._lock:
            opened = self._open.pop(entry.completion_id, None)
            if opened is None or not opened.budgets:
                opened = _Open(self._budgets())
            if entry.completion_id and not entry.replayed:
                self._remember(entry.completion_id)
            self._enter(entry)
        _spend(entry, opened)

    def settle(self, entry: Receipt, *, created: bool) -> None:
        """Enter the receipt of a stream or of a record, once for each completion.

        created: whether this call created the completion; if not, it is entered only if it began here
        """
        with self._lock:
            known = entry.completion_id in self._open
            opened = self._open.pop(entry.completion_id) if known else _Open(self._budgets())
            if not (created or known) or entry.completion_id in self._settled:
                if created and entry.replayed:
                    self._enter(entry)
                return
            if not entry.replayed:
                self._remember(entry.completion_id)
            self._enter(evolve(entry, model=opened.model) if opened.model else entry)
        _spend(entry, opened)

    def enter_result(self, charge: Charge, response: Response[Any]) -> None:
        """Enter the receipt of a call that returned a result."""
        entry = receipt(response.parsed)
        # What a running completion costs is not final.
        is_open = not entry.has_amount or getattr(response.parsed, "status", None) == "in_progress"
        if not (charge.is_record and is_open):
            self.enter(charge, entry, response.headers)

    def enter_unparsed(self, operation: Operation[Any], charge: Charge, error: APIResponseValidationError) -> None:
        """Enter the receipt of a response that could not be parsed, if it has one."""
        entry = receipt_of_error(error, operation)
        if entry is not None:
            self.enter(charge, entry, error.headers)

    def enter_unlisted(self, operation: Operation[Any], answer: Response[Any] | APIResponseValidationError) -> None:
        """Enter the receipt of an operation that the spec does not describe, if its response has one."""
        usage = usage_of(answer.content)
        if usage is not None and "credits_charged" in usage:
            is_record = operation.idempotency_header is None
            # What a running completion costs is not final.
            held_while = ("status", ("in_progress",)) if is_record else None
            charge = Charge(amount=("usage", "credits_charged"), is_record=is_record, held_while=held_while)
            self.enter(charge, receipt_in(answer.content, replace(operation, charge=charge)), answer.headers)

    def enter(self, charge: Charge, entry: Receipt, headers: Mapping[str, str]) -> None:
        """Enter a receipt as the operation is charged. headers: of the response that has it"""
        if not charge.is_record:
            self.charge(entry, is_replay=headers.get("aurous-idempotent-replayed", "").lower() == "true")
        elif not entry.held:
            self.settle(entry, created=False)

    def budget(self, credits: Decimal | str | int) -> Budget:
        """A budget for the calls that are entered here. An inner one counts for the outer.

        As a context it limits the calls of a block and of tasks that it starts. Threads it does not limit: run their
        work under `contextvars.copy_context().run`, or limit a client.
        """
        return Budget(credits, self._lines)

    def limited_by(self, budget: Budget) -> Ledger:
        """This ledger for a client whose calls are all charged to a budget. Raises ConfigurationError."""
        if not isinstance(budget, Budget):
            raise ConfigurationError(f"budget: give client.budget(credits=...), not {type(budget).__name__}")
        if not budget.is_of(self._lines):
            raise ConfigurationError("budget: it was made by another client")
        ledger = copy(self)
        ledger._own_budgets = (*self._own_budgets, budget)
        share_lock(ledger)
        return ledger

    def check_budgets(self) -> None:
        """Raise BudgetExceededError if an active budget is spent."""
        for budget in self._budgets():
            budget.check()

    def _budgets(self) -> tuple[Budget, ...]:
        if not self._own_budgets and not ENTRIES.get():
            return ()
        entered = (budget for budget in entered_budgets() if budget.is_of(self._lines))
        return tuple(dict.fromkeys((*entered, *self._own_budgets)))

    def _remember(self, completion_id: str) -> None:
        self._settled[completion_id] = None
        while len(self._settled) > MAX_REMEMBERED:
            self._settled.popitem(last=False)

    def _enter(self, entry: Receipt) -> None:
        totals = self._lines.get(entry.model)
        if totals is None:
            totals = self._lines.setdefault(entry.model, _Totals())
        totals.add(entry)


def _spend(entry: Receipt, opened: _Open) -> None:
    """Charge the budgets, and release what they held."""
    if opened.budgets:
        opened.add(EXACT.subtract(Decimal(0) if entry.replayed else entry.credits, opened.held))
