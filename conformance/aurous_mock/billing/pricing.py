"""Turns token counts into credits, holds and receipts in exact arithmetic; knows nothing of balances or storage.

Money is counted in whole micro-credits: one credit per million tokens is one micro-credit per token, so no sum is ever
rounded, and the division that prints credits is the only one.
"""

from dataclasses import dataclass
from typing import Any

from aurous_mock.contract.model_catalogue import Model

MICRO = 1_000_000
REASONING_TOKENS = {"minimal": 0, "low": 32, "medium": 96, "high": 1536}


@dataclass(frozen=True, slots=True)
class Usage:
    """What a completion consumed; `billed` is false when the provider failed and nothing is owed."""

    prompt: int
    completion: int = 0
    reasoning: int = 0
    billed: bool = True

    @property
    def made(self) -> int:
        """All tokens that came out, seen or not."""
        return self.completion + self.reasoning


def in_credits(micro: int) -> float:
    """Micro-credits as the number the API prints."""
    return micro / MICRO


def charge(usage: Usage, model: Model) -> int:
    """What the usage costs, in micro-credits; reasoning is billed at the output rate."""
    if not usage.billed:
        return 0
    return usage.prompt * model.rates.input + usage.made * model.rates.output


def hold(prompt_tokens: int, max_tokens: int, effort: str, model: Model) -> int:
    """What is set aside before the model is asked: a tenth more input than estimated, all the output allowed, and the
    most that the effort may reason (`/api-reference/chat/pricing`)."""
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
        "total_tokens": usage.prompt + usage.made,
    }
    if usage.reasoning:
        counts["reasoning_tokens"] = usage.reasoning
        breakdown["reasoning_credits"] = in_credits(usage.reasoning * rate_out)
    breakdown |= {"model": model.id, "pricing_version": model.rates.version}
    return {**counts, "credits_charged": in_credits(charge(usage, model)), "breakdown": breakdown}
