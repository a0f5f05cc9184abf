"""Removes keys and prompts from messages of an upstream server, before they are logged or passed on."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_KEYS: Final = re.compile(r"\b(sk|pk|gsk|xai|hf|al_live)[-_][\w*.-]{6,}|\bBearer\s+\S+", re.IGNORECASE)
# What has so many characters in common with the prompt quotes it; a shorter message, if it is there as a whole.
_QUOTE: Final = 12
_SHORTEST: Final = 4
# In a longer prompt it would take too long to look for quotes.
_LONGEST_PROMPT: Final = 200_000


class Redaction:
    """What must not be written to the log or to the client about one request."""

    def __init__(self, body: Mapping[str, Any], key: str | None) -> None:
        self._body = body
        self._key = key

    def without_keys(self, text: str) -> str:
        """The text for the caller, whose prompt it is."""
        if self._key:
            text = text.replace(self._key, "[key]")
        return _KEYS.sub("[key]", text)

    def for_log(self, text: str) -> str:
        """The text without keys, and without what it quotes of the prompt."""
        text = self.without_keys(text)
        messages = [" ".join(message.split()) for message in _texts(self._body.get("messages"))]
        prompt = "\n".join(messages)
        if len(prompt) > _LONGEST_PROMPT:
            return "[left out, since it may quote the prompt]" if text else ""
        hidden = [False] * len(text)
        # One pass over the prompt: to search it for each place of the text takes half a second for some prompts.
        pieces = list(_pieces(text))
        quoted = set(pieces).intersection(_pieces(prompt))
        for start, piece in enumerate(pieces):
            if piece in quoted:
                hidden[start : start + _QUOTE] = [True] * _QUOTE
        for message in messages:
            if _SHORTEST <= len(message) < _QUOTE:
                for match in re.finditer(re.escape(message), text):
                    hidden[match.start() : match.end()] = [True] * len(message)
        return re.sub(
            "\0+", "[prompt]", "".join("\0" if hide else each for each, hide in zip(text, hidden, strict=True))
        )


def _pieces(text: str) -> Iterator[str]:
    """What is as long as a quote, at each place of a text."""
    return (text[start : start + _QUOTE] for start in range(len(text) - _QUOTE + 1))


def _texts(value: Any) -> Iterator[str]:
    """Every text of the messages, but for the names of roles and types."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            if name not in ("role", "type"):
                yield from _texts(member)
