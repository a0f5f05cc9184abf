"""Exact arithmetic of receipts and balances."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from harness.client.api_client import ApiClient
from harness.violations import RuleViolation, not_tested

# What the documentation grants to rounding: receipts add up to four decimals.
TOLERANCE = Decimal("0.0001")
EXACTLY = Decimal("0.000001")
QUIET_MOMENTS = 5


def exact(number: float) -> Decimal:
    """A number as it was printed; binary rounding must not pass for a wrong sum."""
    return Decimal(str(number))


def credits_of(breakdown: dict[str, Any]) -> Decimal:
    parts = ("input_credits", "output_credits", "reasoning_credits")
    return sum((exact(breakdown.get(part) or 0) for part in parts), Decimal(0))


def tokens_of(usage: dict[str, Any]) -> int:
    total: int = usage["prompt_tokens"] + usage["completion_tokens"] + (usage.get("reasoning_tokens") or 0)
    return total


def require_room(usage: dict[str, Any], most: int) -> int:
    """How many tokens an answer took that was far from `most`; leaves the rule unseen for one that was not."""
    tokens: int = usage["completion_tokens"] + (usage.get("reasoning_tokens") or 0)
    if tokens > most // 2:
        not_tested(f"the answer took {tokens} of the {most} tokens it was given")
    return tokens


def require_balance_change(api: ApiClient, spend: Callable[[], Decimal]) -> None:
    """Require that `credits` falls by what `spend` returns, and that nothing stays held for it.

    Others may spend from the same balance at the same time, so a quiet moment is waited for, a few times.
    """
    if api.balance().expect(200).json.get("billing_mode") == "exempt":
        not_tested("this team is exempt from billing")
    for moment in range(1, QUIET_MOMENTS + 1):
        before = api.balance().expect(200)
        charged = spend()
        after = api.balance().expect(200)
        decrease = exact(before.at("credits")) - exact(after.at("credits"))
        held = exact(after.at("held_credits")) - exact(before.at("held_credits"))
        if abs(decrease - charged) <= EXACTLY and abs(held) <= EXACTLY:
            return
        if moment == QUIET_MOMENTS:
            still = f", and {held} more is held" if held else ""
            raise RuleViolation(f"the balance fell by {decrease}, and {charged} was charged{still}", before, after)
