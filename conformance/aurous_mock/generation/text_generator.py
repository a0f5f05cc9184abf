"""Generates English sentences that read like an answer, the same for the same random numbers."""

import random
import re
from collections.abc import Sequence

_SUBJECTS = (
    "The first thing to notice", "A careful reader", "The short answer", "Most of the evidence", "One practical rule",
    "The older approach", "A small example", "The second step", "Experience", "A patient observer", "The usual advice",
    "What matters here", "A good test", "The simplest case", "The whole idea", "An honest estimate",
)  # fmt: skip
_VERBS = (
    "points to", "depends on", "begins with", "leaves room for", "explains", "rewards", "rests on", "returns to",
    "asks for", "makes sense of", "holds together", "quietly improves", "settles", "gives weight to",
)  # fmt: skip
_OBJECTS = (
    "a clear question", "the details that others skip", "a steady rhythm of work", "what was measured yesterday",
    "a modest plan", "the shape of the problem", "plain words", "one well chosen example", "the cost of waiting",
    "a second look", "the parts that can be checked", "a longer view", "common sense and some arithmetic",
)  # fmt: skip
_TAILS = (
    "and that is usually enough", "because little else stays fixed", "before anything is decided", "in most cases",
    "as long as nobody hurries", "which is easy to forget", "even when the data are thin", "and the rest follows",
    "though there are exceptions", "once the noise is gone", "without much effort",
)  # fmt: skip
_OPENINGS = ("Regarding {topic}:", "On {topic}, briefly.", "About {topic}, here is what counts.", "{topic}, then.")

_WORD_COUNT = re.compile(r"\b(\d{1,5})[ -]words?\b", re.IGNORECASE)
_TOPIC = re.compile(r"[^\W\d_]{5,}")
_LONGEST = 8192


def reply(prompt: str, rng: random.Random) -> str:
    """A few sentences about `prompt`; as many words as it asks for when it says "200 words"."""
    word_count = _WORD_COUNT.search(prompt)
    if word_count:
        return _of_length(min(int(word_count[1]), _LONGEST), rng)
    opening = _pick(rng, _OPENINGS).format(topic=_topic(prompt, rng))
    body = " ".join(_sentence(rng) for _ in range(rng.randint(2, 4)))
    return f"{opening[0].upper()}{opening[1:]} {body}"


def _of_length(count: int, rng: random.Random) -> str:
    words: list[str] = []
    while len(words) < count:
        words += _sentence(rng).split(" ")
    text = " ".join(words[:count])
    return text if not text or text.endswith(".") else text.rstrip(",") + "."


def _pick(rng: random.Random, options: Sequence[str]) -> str:
    # A fifth of the cost of `rng.choice`, which would be most of the cost of an answer.
    return options[int(rng.random() * len(options))]


def _sentence(rng: random.Random) -> str:
    text = f"{_pick(rng, _SUBJECTS)} {_pick(rng, _VERBS)} {_pick(rng, _OBJECTS)}"
    return f"{text}, {_pick(rng, _TAILS)}." if rng.random() < 0.6 else f"{text}."


def _topic(prompt: str, rng: random.Random) -> str:
    # The beginning is enough: a prompt may have ten megabytes.
    words = _TOPIC.findall(prompt[:2000])
    return _pick(rng, words).lower() if words else "this question"
