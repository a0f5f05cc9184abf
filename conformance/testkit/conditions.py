"""Waits for conditions that another thread or process brings about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

# Far beyond what a busy machine needs; nobody waits for so long where all is well.
PATIENCE: Final = 120.0

_T = TypeVar("_T")


def eventually(condition: Callable[[], _T | None], seconds: float = PATIENCE) -> _T:
    """The first true value of `condition`, which is called again and again. Raises AssertionError when time is up."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"no true value within {seconds:g} s"
        time.sleep(0.01)
    return value
