"""Budgets: sums that the calls of a block, or of a client, may spend."""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar, Token
from decimal import Decimal, InvalidOperation
from inspect import CO_ASYNC_GENERATOR, CO_GENERATOR
from types import FrameType, TracebackType
from typing import Final, Self

from ..errors import BudgetExceededError, ConfigurationError
from ..transport.locks import fork_safe_lock
from .receipts import EXACT


class Budget:
    """A sum that calls may spend. A call is refused once it is spent, and not before. Made by `Aurous.budget`.

        with client.budget(credits="5") as budget:  # limits the calls of the block, and of tasks that it starts
            ...
        limited = client.with_options(budget=client.budget(credits="5"))  # limits the calls of `limited`

    The price of a call is known only afterwards, so the last one can exceed the budget by its own price; calls that run
    at the same time can each be such a last one.
    """

    def __init__(self, credits: Decimal | str | int, owner: object) -> None:
        self.credits = parse_credits(credits)
        """What may be spent."""
        self._owner = owner
        self._spent = Decimal(0)
        self._lock = fork_safe_lock(self)
        self._entries: list[_Entry] = []

    def __repr__(self) -> str:
        return f"Budget(credits={self.credits}, spent={self.spent})"

    @property
    def spent(self) -> Decimal:
        with self._lock:
            return self._spent

    @property
    def remaining(self) -> Decimal:
        """What is left; below 0 if the last call exceeded it."""
        return EXACT.subtract(self.credits, self.spent)

    def is_of(self, owner: object) -> bool:
        """Whether it was made by a client, or by another that shares its ledger. owner: that of the constructor"""
        return self._owner is owner

    def add(self, credits: Decimal) -> None:
        with self._lock:
            self._spent = EXACT.add(self._spent, credits)

    def check(self) -> None:
        """Raise BudgetExceededError if it is spent."""
        if self.remaining <= 0:
            raise BudgetExceededError(f"the budget of {self.credits} credits is spent ({self.spent}); nothing was sent")

    def __enter__(self) -> Self:
        """Limit the calls of a block. Raises ConfigurationError in a generator."""
        if _is_in_generator(sys._getframe(1)):
            raise ConfigurationError(_GENERATOR)
        entry = _Entry(self)
        entry.token = ENTRIES.set((*ENTRIES.get(), entry))
        with self._lock:
            self._entries.append(entry)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entries = ENTRIES.get()
        with self._lock:
            entry = next((each for each in reversed(entries) if each.budget is self), self._entries[-1])
            self._entries.remove(entry)
        try:
            ENTRIES.reset(entry.token)
        except ValueError:
            entry.is_active = False
            warnings.warn(_OTHER_CONTEXT, RuntimeWarning, stacklevel=2)
        else:
            ENTRIES.set(tuple(each for each in entries if each is not entry))


class _Entry:
    """A block that a budget limits."""

    __slots__ = ("budget", "is_active", "token")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.token: Token[tuple[_Entry, ...]]
        # Until the block is left in another context, where it cannot be taken out of this one.
        self.is_active = True


def entered_budgets() -> tuple[Budget, ...]:
    """The budgets of the blocks that the caller is in, the outermost first, each once."""
    return tuple(dict.fromkeys(entry.budget for entry in ENTRIES.get() if entry.is_active))


ENTRIES: Final[ContextVar[tuple[_Entry, ...]]] = ContextVar("aurous_budgets", default=())
"""The blocks that the caller is in."""
_ALTERNATIVE: Final = "limit a client instead: client.with_options(budget=client.budget(credits=...))"
_GENERATOR: Final = (
    "budget: a generator cannot limit a block, since others run while it is suspended, and it may be resumed "
    f"elsewhere; {_ALTERNATIVE}"
)
_OTHER_CONTEXT: Final = (
    "budget: the block ended in another context than it began in, so calls may not have been limited; " + _ALTERNATIVE
)


def _is_in_generator(frame: FrameType | None) -> bool:
    """Whether the block belongs to a generator, be it by way of an ExitStack or of another context manager."""
    while frame is not None and (
        frame.f_code.co_name in ("__enter__", "__aenter__") or frame.f_globals.get("__name__") == "contextlib"
    ):
        frame = frame.f_back
    return frame is not None and bool(frame.f_code.co_flags & (CO_GENERATOR | CO_ASYNC_GENERATOR))


def parse_credits(credits: Decimal | str | int) -> Decimal:
    """The credits of a budget, exactly. Raises ConfigurationError."""
    if isinstance(credits, float):
        raise ConfigurationError("budget: give credits as a string or Decimal, since a float is not exact")
    try:
        amount = Decimal(credits)
    except (InvalidOperation, TypeError, ValueError):
        raise ConfigurationError(f"budget: {credits!r} is not a number of credits") from None
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError("budget: credits must be 0 or more")
    return amount
