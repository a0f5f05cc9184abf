"""Sums of decimals to the last digit, whatever the program has set for its own. Knows nothing of what is added up."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from functools import reduce
from typing import Final

# Sums must not depend on the precision that the program has set for its own decimals, nor on its traps.
EXACT: Final = Context(prec=100, traps=[])


def total(figures: Iterable[Decimal]) -> Decimal:
    """Their sum, to the digit."""
    return reduce(EXACT.add, figures, Decimal(0))
