"""Makes up log probabilities, the same for the same answer; knows nothing of where they are shown."""

import random
from collections.abc import Sequence
from typing import Any

_RIVALS = (" the", " a", " and", " of", ",", ".", " to", " in", " is", " that", " it", " for",
           " on", " with", " as", " was", " at", " by", " an", " be", " this")  # fmt: skip


def entries(tokens: Sequence[str], alternatives: int, seed: int) -> list[dict[str, Any]]:
    """OpenAI's `logprobs.content` for the tokens of an answer; each entry depends on its place and token alone."""
    return [_entry(token, alternatives, random.Random(seed + place)) for place, token in enumerate(tokens)]


def _entry(token: str, alternatives: int, rng: random.Random) -> dict[str, Any]:
    likely = -round(rng.random() ** 2, 6)
    rivals = [rival for rival in _RIVALS if rival != token][: max(alternatives - 1, 0)]
    ranked = [_plain(token, likely)] if alternatives else []
    for rank, rival in enumerate(rivals, start=1):
        ranked.append(_plain(rival, round(likely - rank - rng.random(), 6)))
    return {**_plain(token, likely), "top_logprobs": ranked}


def _plain(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}
