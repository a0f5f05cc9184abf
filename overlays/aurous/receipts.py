"""Reads receipts to the digit, checks their sums, adds them up and holds them to a budget. Knows no HTTP.

Pages: api-reference/chat/pricing, guides/cost-transparency.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

from attrs import evolve, frozen
from aurous_client.types import UNSET, JsonObject

from .answers import ResponseInfo, origin_of
from .errors import BudgetExceededError, ConfigurationError, ResponseShapeError
from .locks import Lock

# The documentation's sums hold to four decimals.
TOLERANCE: Final = Decimal("0.0001")
# Sums must not depend on the precision that the program has set for its own decimals, nor on its traps.
_EXACT: Final = Context(prec=100, traps=[])
# No charge and no count has so many digits; a figure with an exponent of a million would take all memory.
_MOST_DIGITS: Final = 40
_REMEMBERED: Final = 10_000


class ReceiptWarning(UserWarning):
    """Figures of a receipt that do not agree with one another. Carried by the receipt; never a failed call."""


@frozen(kw_only=True)
class Receipt:
    """What a completion cost, in credits to the digit that the server wrote, and in tokens."""

    completion_id: str
    model: str
    """The model that was billed."""
    pricing_version: int
    """Which rate card applied."""
    credits: Decimal
    """The charge; the authoritative figure."""
    input_credits: Decimal
    output_credits: Decimal
    reasoning_credits: Decimal
    """0 where there was no reasoning."""
    prompt_tokens: int
    completion_tokens: int
    """Visible ones."""
    reasoning_tokens: int
    total_tokens: int
    replayed: bool = False
    """Whether this is the receipt of an earlier call, whose answer came again uncharged."""
    warnings: tuple[ReceiptWarning, ...] = ()
    """What does not add up; empty on a sound receipt."""


def receipt(completion: JsonObject) -> Receipt:
    """The receipt of a completion, or of anything else that carries a `usage`.

    Raises TypeError for an object without one.
    """
    origin = origin_of(completion)
    found = None if origin is None else _written_usage(origin.content)
    replayed = origin is not None and origin.info.is_charged_before
    usage = getattr(completion, "usage", None)
    if found is None:
        if not isinstance(usage, JsonObject):
            raise TypeError(f"this {type(completion).__name__} has no usage, so there is no receipt")
        # A float prints the shortest digits that stand for it, which are those that the server wrote.
        found = json.loads(json.dumps(usage.to_dict()), parse_float=parse_decimal)
    return read_receipt(str(getattr(completion, "id", "")), found, replayed=replayed)


def read_receipt(completion_id: str, usage: Mapping[str, Any], *, replayed: bool = False) -> Receipt:
    """A receipt from a decoded `usage`, its numbers Decimal where they have a fraction."""
    breakdown = usage.get("breakdown")
    parts = breakdown if isinstance(breakdown, Mapping) else {}
    made = Receipt(
        completion_id=completion_id,
        model=str(parts.get("model", "")),
        pricing_version=int(_decimal(parts.get("pricing_version"))),
        credits=_decimal(usage.get("credits_charged")),
        input_credits=_decimal(parts.get("input_credits")),
        output_credits=_decimal(parts.get("output_credits")),
        reasoning_credits=_decimal(parts.get("reasoning_credits")),
        prompt_tokens=int(_decimal(usage.get("prompt_tokens"))),
        completion_tokens=int(_decimal(usage.get("completion_tokens"))),
        reasoning_tokens=int(_decimal(usage.get("reasoning_tokens"))),
        total_tokens=int(_decimal(usage.get("total_tokens"))),
        replayed=replayed,
    )
    return evolve(made, warnings=tuple(map(ReceiptWarning, _disagreements(made))))


def salvage(error: ResponseShapeError) -> Receipt | None:
    """The receipt of an answer that could not be read otherwise; it was charged all the same. None without one."""
    written, usage = _written(error.content), _written_usage(error.content)
    if usage is None or not isinstance(usage.get("credits_charged"), (int, float, Decimal)):
        return None
    info = ResponseInfo(status_code=error.status_code, headers=error.headers, attempts=error.attempts)
    return read_receipt(str(written.get("id", "")), usage, replayed=info.is_charged_before)


@frozen(kw_only=True)
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
            return evolve(self, replays=self.replays + 1)
        return evolve(
            self,
            calls=self.calls + 1,
            credits=_EXACT.add(self.credits, entry.credits),
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
            return _sum(line.credits for line in self._lines.values())

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
        return _EXACT.subtract(self.credits, self.spent)

    def add(self, credits: Decimal) -> None:
        with self._lock:
            self._spent = _EXACT.add(self._spent, credits)

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


def has_usage(result: object) -> bool:
    """Whether there is a receipt in a result."""
    return isinstance(getattr(result, "usage", UNSET), JsonObject)


def _disagreements(entry: Receipt) -> Iterator[str]:
    tokens = entry.prompt_tokens + entry.completion_tokens + entry.reasoning_tokens
    if tokens != entry.total_tokens:
        yield f"total_tokens is {entry.total_tokens}, its parts are {tokens}"
    credits = _sum((entry.input_credits, entry.output_credits, entry.reasoning_credits))
    if _EXACT.subtract(credits, entry.credits).copy_abs() > TOLERANCE:
        yield f"credits_charged is {entry.credits}, its parts are {credits}"
    if min(entry.credits, entry.input_credits, entry.output_credits, entry.reasoning_credits) < 0:
        yield "a figure in credits is negative"
    if min(entry.prompt_tokens, entry.completion_tokens, entry.reasoning_tokens) < 0:
        yield "a number of tokens is negative"


def _written(content: bytes) -> Mapping[str, Any]:
    """A response's own bytes, whose decimals are exact; nothing where they are no object."""
    try:
        document = json.loads(content, parse_float=parse_decimal)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _written_usage(content: bytes) -> Mapping[str, Any] | None:
    usage = _written(content).get("usage")
    return usage if isinstance(usage, dict) else None


def parse_decimal(text: str) -> Decimal:
    """A number of a JSON document to the digit; 0 for one that no receipt has. For `parse_float`."""
    try:
        return _decimal(Decimal(text))
    except InvalidOperation:
        return Decimal(0)


def _decimal(value: object) -> Decimal:
    """A figure of a receipt; one that is absent or no such number counts as 0, and the sums will tell."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return Decimal(0)
    made = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    fits = made.is_finite() and abs(made.adjusted()) <= _MOST_DIGITS
    return made if fits else Decimal(0)


def _sum(figures: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for figure in figures:
        total = _EXACT.add(total, figure)
    return total


def _remember(known: OrderedDict[str, Any], name: str, value: object) -> None:
    known[name] = value
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
