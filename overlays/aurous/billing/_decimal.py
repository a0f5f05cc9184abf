"""Exact sums of credits."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from functools import reduce
from typing import Final

# Independent of the precision and traps that the program has set for its own decimals.
EXACT: Final = Context(prec=100, traps=[])


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of the amounts."""
    return reduce(EXACT.add, amounts, Decimal(0))
