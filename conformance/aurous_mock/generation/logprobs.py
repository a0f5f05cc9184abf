"""Generates log probabilities, the same for the same answer."""

import random
from collections.abc import Iterator, Sequence
from itertools import chain, count, islice
from typing import Any

_ALTERNATIVES = (" the", " a", " and", " of", ",", ".", " to", " in", " is", " that", " it", " for",
           " on", " with", " as", " was", " at", " by", " an", " be", " this")  # fmt: skip


def entries(tokens: Sequence[str], alternatives: int, seed: int) -> list[dict[str, Any]]:
    """OpenAI's `logprobs.content` for the tokens of an answer; each entry depends on its position and token alone."""
    return [_entry(token, alternatives, random.Random(seed + place)) for place, token in enumerate(tokens)]


def _entry(token: str, alternatives: int, rng: random.Random) -> dict[str, Any]:
    logprob = -round(rng.random() ** 2, 6)
    others = islice(_others(token), max(alternatives - 1, 0))
    ranked = [_candidate(token, logprob)] if alternatives else []
    for rank, other in enumerate(others, start=1):
        ranked.append(_candidate(other, round(logprob - rank - rng.random(), 6)))
    return {**_candidate(token, logprob), "top_logprobs": ranked}


def _others(token: str) -> Iterator[str]:
    """Other tokens than this one, as many as a version allows to ask for."""
    return (other for other in chain(_ALTERNATIVES, (f" {number}" for number in count(2))) if other != token)


def _candidate(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}
