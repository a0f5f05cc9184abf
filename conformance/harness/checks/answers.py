"""Answers: what the request asks for is in every completion, whether a document or a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from harness.checks.check import Check
from harness.client.completion_result import CompletionResult
from harness.rules import CREATE


def _asks_for_logprobs(result: CompletionResult) -> bool:
    """Whether log probabilities are due: they were asked for, and the answer is plain text."""
    return result.request.get("logprobs") is True and bool(result.content) and not result.tool_calls


def _has_logprobs(result: CompletionResult) -> bool:
    return _asks_for_logprobs(result) and bool(result.logprobs)


def _asks_for_alternatives(result: CompletionResult) -> bool:
    return _has_logprobs(result) and isinstance(result.request.get("top_logprobs"), int)


def _is_limited(result: CompletionResult) -> bool:
    return result.most_tokens is not None and isinstance(result.usage, dict)


def _is_counted(result: CompletionResult) -> bool:
    return isinstance(result.usage, dict) and not result.tool_calls


def _logprobs(result: CompletionResult) -> Iterator[str]:
    if not result.logprobs:
        yield "`logprobs: true` was asked for, and there are no log probabilities"


def _logprobs_negative(result: CompletionResult) -> Iterator[str]:
    for entry in result.logprobs or []:
        for token in (entry, *(entry.get("top_logprobs") or [])):
            if token["logprob"] > 0:
                yield f"the log probability of {token['token']!r} is {token['logprob']}"
                return


def _logprobs_tokens(result: CompletionResult) -> Iterator[str]:
    # Tokens that are parts of a character have no text of their own.
    if result.content.isascii():
        tokens = "".join(entry["token"] for entry in result.logprobs or [])
        # Tokens that a stop sequence cut off may be listed, though not their text.
        if not tokens.startswith(result.content):
            yield f"the tokens are {tokens[:80]!r}, and the text is {result.content[:80]!r}"


def _top_logprobs(result: CompletionResult) -> Iterator[str]:
    requested = result.request["top_logprobs"]
    counts = {len(entry.get("top_logprobs") or []) for entry in result.logprobs or []}
    if counts - {requested}:
        yield f"top_logprobs is {requested}, and tokens have {', '.join(map(str, sorted(counts)))} alternatives"


def _max_tokens(result: CompletionResult) -> Iterator[str]:
    most, counted = result.most_tokens or 0, result.required_usage["completion_tokens"]
    if counted > most:
        yield f"max_tokens was {most} and completion_tokens is {counted}"
    elif result.words > _most_words(most):
        yield f"max_tokens was {most} and the text has {result.words} words: {result.content[:120]!r}"


def _text_counted(result: CompletionResult) -> Iterator[str]:
    counted = result.required_usage["completion_tokens"]
    if result.words > _most_words(counted):
        yield f"completion_tokens is {counted} and the text has {result.words} words: {result.content[:120]!r}"


def _most_words(tokens: int) -> int:
    """A word is a token or more. Servers that count by a text's length may be a little below."""
    return tokens + tokens // 2 + 1


def _one_choice(result: CompletionResult) -> Iterator[str]:
    if result.choices > 1:
        yield f"there are {result.choices} choices; `n` was {result.request.get('n')!r}"


def _check(
    name: str, sentence: str, find: Callable[[CompletionResult], Iterator[str]], applies: Callable[..., bool]
) -> Any:
    return Check(name, CREATE, sentence, find, applies)


ANSWER_CHECKS: list[Check[CompletionResult]] = [
    _check(
        "completion.logprobs",
        "`logprobs: true` returns the log probability of each token of the answer.",
        _logprobs,
        _asks_for_logprobs,
    ),
    _check("completion.logprobs_negative", "A log probability is at most 0.", _logprobs_negative, _has_logprobs),
    _check(
        "completion.logprobs_tokens",
        "The tokens with log probabilities are those of the answer.",
        _logprobs_tokens,
        _has_logprobs,
    ),
    _check(
        "completion.top_logprobs",
        "Each token has as many alternatives as `top_logprobs` asks for.",
        _top_logprobs,
        _asks_for_alternatives,
    ),
    _check("completion.max_tokens", "No more than `max_tokens` tokens are made.", _max_tokens, _is_limited),
    _check(
        "receipt.text_counted", "`completion_tokens` counts the whole text of the answer.", _text_counted, _is_counted
    ),
    _check("completion.one_choice", "`choices` always has exactly one entry.", _one_choice, lambda _: True),
]
