"""Receipts: what must hold for the usage of every completion, however it was asked for and delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from harness.checks.check import Check
from harness.client.completion_result import CompletionResult
from harness.rules import COSTS, CREATE, PRICING, REASONING

# Receipts add up to four decimals, says the documentation.
TOLERANCE = Decimal("0.0001")


def exact(number: float) -> Decimal:
    """A number as it was printed, so that binary rounding makes no sum wrong."""
    return Decimal(str(number))


def credits_of(breakdown: dict[str, Any]) -> Decimal:
    parts = ("input_credits", "output_credits", "reasoning_credits")
    return sum((exact(breakdown.get(part) or 0) for part in parts), Decimal(0))


def tokens_of(usage: dict[str, Any]) -> int:
    total: int = usage["prompt_tokens"] + usage["completion_tokens"] + (usage.get("reasoning_tokens") or 0)
    return total


def has_receipt(result: CompletionResult) -> bool:
    return isinstance(result.usage, dict)


def _total(result: CompletionResult) -> Iterator[str]:
    usage = result.required_usage
    if usage["total_tokens"] != tokens_of(usage):
        yield f"total_tokens is {usage['total_tokens']}, its parts sum to {tokens_of(usage)}"


def _sum(result: CompletionResult) -> Iterator[str]:
    parts, charged = credits_of(result.required_usage["breakdown"]), exact(result.credits_charged)
    if abs(charged - parts) > TOLERANCE:
        yield f"credits_charged is {charged}, the breakdown sums to {parts}"


def _not_negative(result: CompletionResult) -> Iterator[str]:
    numbers = {**result.required_usage, **result.required_usage["breakdown"]}
    negative = {name: value for name, value in numbers.items() if isinstance(value, int | float) and value < 0}
    if negative:
        yield f"negative: {negative}"


def _whole_tokens(result: CompletionResult) -> Iterator[str]:
    counts = {name: value for name, value in result.required_usage.items() if name.endswith("_tokens")}
    broken = {name: value for name, value in counts.items() if value is not None and not _is_whole(value)}
    if broken:
        yield f"not whole: {broken}"


def _pricing_version(result: CompletionResult) -> Iterator[str]:
    version = result.required_usage["breakdown"]["pricing_version"]
    if not _is_whole(version):
        yield f"pricing_version is {version!r}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


def _model(result: CompletionResult) -> Iterator[str]:
    billed = result.required_usage["breakdown"]["model"]
    if billed != result.model:
        yield f"breakdown.model is {billed!r}, the completion's model {result.model!r}"


def _reasoning_pairs(result: CompletionResult) -> Iterator[str]:
    usage = result.required_usage
    tokens, charged = usage.get("reasoning_tokens") or 0, usage["breakdown"].get("reasoning_credits") or 0
    if charged and not tokens:
        yield f"{charged} credits for reasoning, and no reasoning tokens"


def _check(name: str, page: str, sentence: str, find: Callable[[CompletionResult], Iterator[str]]) -> Any:
    return Check(f"receipt.{name}", page, sentence, find, has_receipt)


RECEIPT_CHECKS: list[Check[CompletionResult]] = [
    _check("total", COSTS, "`total_tokens` is prompt, completion and reasoning tokens together.", _total),
    _check("sum", COSTS, "`credits_charged` is the sum of the breakdown's credits, to four decimals.", _sum),
    _check("not_negative", CREATE, "No number of a receipt is negative.", _not_negative),
    _check("whole_tokens", CREATE, "Tokens are counted in whole numbers.", _whole_tokens),
    _check("pricing_version", PRICING, "`pricing_version` is the number of a rate card.", _pricing_version),
    _check("model", PRICING, "`breakdown.model` is the completion's own model.", _model),
    _check(
        "reasoning_pairs",
        REASONING,
        "Reasoning is charged only when reasoning tokens are counted.",
        _reasoning_pairs,
    ),
]
