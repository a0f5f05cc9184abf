"""Reads the token counts of an upstream server, which say different things under the same names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aurous_mock import request_log
from aurous_mock.billing.pricing import REASONING_TOKENS
from aurous_mock.generation.answer import AnswerEnd
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.upstream.values import as_count


@dataclass(frozen=True, slots=True)
class Measured:
    """The tokens of an answer by our own tokenizer: those that were delivered, and those of reasoning that was not."""

    text: int
    reasoning: int = 0


def read_end(
    reason: str, usage: Any, measured: Measured, request: ParsedRequest, *, is_stopped: bool = False
) -> AnswerEnd:
    """The counts to charge: those of the server where they can be, ours elsewhere, which is said in the log.

    No count makes text free or a charge negative, and none is above what the request allows.
    is_stopped: whether the text was cut at a stop sequence, so that the server counts more than was delivered
    """
    counts = usage if isinstance(usage, Mapping) else {}
    unknown: list[str] = []
    prompt = _prompt(counts, request)
    if prompt is None:
        unknown.append("prompt_tokens")
        prompt = request.prompt_tokens
    known = None if is_stopped else _generated(counts, measured)
    if known is None:
        unknown.append("completion_tokens")
        known = measured.text, as_count(_reported_reasoning(counts)) or measured.reasoning
    completion, reasoning = known
    if unknown:
        request_log.warn(
            f"the upstream server's {' and '.join(unknown)} cannot be used: "
            f"{prompt} prompt, {completion} completion and {reasoning} reasoning tokens are counted here"
        )
    return _bounded(AnswerEnd(reason, reasoning, prompt, completion), request)


def is_beyond(usage: Mapping[str, Any], max_tokens: int) -> bool:
    """Whether a server says that it ignored `max_tokens`."""
    generated = _generated(usage, Measured(0))
    return generated is not None and generated[0] > max_tokens


def _prompt(counts: Mapping[str, Any], request: ParsedRequest) -> int | None:
    count = as_count(counts.get("prompt_tokens"))
    # No prompt is empty, and none is larger than the model takes.
    return count if count and count <= max(request.model.context_window, request.prompt_tokens) else None


def _reported_reasoning(counts: Mapping[str, Any]) -> Any:
    details = counts.get("completion_tokens_details")
    inner = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
    return counts.get("reasoning_tokens") if inner is None else inner


def _generated(counts: Mapping[str, Any], measured: Measured) -> tuple[int, int] | None:
    """Completion and reasoning tokens, which do not overlap; None if they cannot be known."""
    completion, reported = as_count(counts.get("completion_tokens")), _reported_reasoning(counts)
    reasoning = 0 if reported is None else as_count(reported)
    if completion is None or reasoning is None:
        return None
    if reasoning and _is_inside(counts, completion, reasoning):
        completion -= reasoning
    # Text that was delivered has tokens.
    return None if completion == 0 and measured.text else (completion, reasoning)


def _is_inside(counts: Mapping[str, Any], completion: int, reasoning: int) -> bool:
    """Whether the completion tokens include those of reasoning, as OpenAI's do; xAI's and this API's do not."""
    prompt, total = as_count(counts.get("prompt_tokens")), as_count(counts.get("total_tokens"))
    if reasoning > completion:
        return False
    if prompt is not None and total == prompt + completion + reasoning:
        return False
    if prompt is not None and total == prompt + completion:
        return True
    return "reasoning_tokens" not in counts


def _bounded(end: AnswerEnd, request: ParsedRequest) -> AnswerEnd:
    most = request.max_tokens + REASONING_TOKENS[request.effort]
    completion = min(end.completion_tokens or 0, request.max_tokens)
    reasoning = min(end.reasoning_tokens, most - completion)
    if (completion, reasoning) != (end.completion_tokens, end.reasoning_tokens):
        request_log.warn(
            f"the upstream server counts {end.completion_tokens} completion and {end.reasoning_tokens} reasoning "
            f"tokens, more than the request allows: {completion} and {reasoning} are charged"
        )
    return AnswerEnd(end.finish_reason, reasoning, end.prompt_tokens, completion)
