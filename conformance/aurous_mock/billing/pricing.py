"""Prices of usage: charges, holds and receipts, in exact arithmetic.

Amounts are whole micro-credits: one credit per million tokens is one micro-credit per token, so that no sum is rounded.
"""

from dataclasses import dataclass
from typing import Any

from aurous_mock.contract.model_catalogue import Model

MICRO = 1_000_000
REASONING_TOKENS = {"minimal": 0, "low": 32, "medium": 96, "high": 1536}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a completion. billed: false if the provider failed, which is free"""

    prompt: int
    completion: int = 0
    reasoning: int = 0
    billed: bool = True

    @property
    def generated(self) -> int:
        """All output tokens, reasoning included."""
        return self.completion + self.reasoning


def in_credits(micro: int) -> float:
    """Micro-credits as the number of credits in the API."""
    return micro / MICRO


def charge(usage: Usage, model: Model) -> int:
    """What the usage costs, in micro-credits; reasoning is billed at the output rate."""
    if not usage.billed:
        return 0
    return usage.prompt * model.rates.input + usage.generated * model.rates.output


def hold(prompt_tokens: int, max_tokens: int, effort: str, model: Model) -> int:
    """Micro-credits to hold before the model is asked: the estimated input and a tenth, `max_tokens`, and the most
    reasoning tokens of the effort (`/api-reference/chat/pricing`)."""
    padded = -(-prompt_tokens * 11 // 10)
    return padded * model.rates.input + (max_tokens + REASONING_TOKENS[effort]) * model.rates.output


def receipt(usage: Usage, model: Model) -> dict[str, Any]:
    """The `usage` object of a completion."""
    rate_in, rate_out = (model.rates.input, model.rates.output) if usage.billed else (0, 0)
    breakdown: dict[str, Any] = {
        "input_credits": in_credits(usage.prompt * rate_in),
        "output_credits": in_credits(usage.completion * rate_out),
    }
    counts = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.generated,
    }
    if usage.reasoning:
        counts["reasoning_tokens"] = usage.reasoning
        breakdown["reasoning_credits"] = in_credits(usage.reasoning * rate_out)
    breakdown |= {"model": model.id, "pricing_version": model.rates.version}
    return {**counts, "credits_charged": in_credits(charge(usage, model)), "breakdown": breakdown}
