"""What an answer may have: the size of its bytes, and as many tokens as the request asked for."""

from typing import Final

from aurous_mock import request_log
from aurous_mock.generation import tokens

# An answer may have so many bytes, and so many more for each token that the request allows.
BASE_BYTES: Final = 1024 * 1024
BYTES_PER_TOKEN: Final = 4096
MOST_CALLS: Final = 128
# Our tokens are not the model's, which may be longer: a text is too long beyond any doubt from here on.
_LENIENCE, _MARGIN = 2, 8


def most_bytes(max_tokens: int) -> int:
    """The largest body of an answer with so many tokens."""
    return BASE_BYTES + BYTES_PER_TOKEN * max_tokens


class OutputLimit:
    """Counts the tokens of an answer, and cuts it where its server ignores `max_tokens`.

    The server's tokens are unknown while it streams. A text is too long if it has more of ours and came in more pieces
    than there may be tokens, or if it has more than twice as many of ours.
    """

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._doubtless = _LENIENCE * max_tokens + _MARGIN
        self._pieces = 0
        self.tokens = 0
        self.is_reached = False

    def be_strict(self) -> None:
        """The server itself says that the answer is too long."""
        self._doubtless = self._max_tokens

    def admit(self, text: str) -> tuple[str, int]:
        """What the answer may have of its next piece, and how many tokens that is."""
        parts = tokens.split(text)
        if not parts or self.is_reached:
            return "", 0
        self._pieces += 1
        total = self.tokens + len(parts)
        is_too_long = total > self._max_tokens and self._pieces > self._max_tokens
        if is_too_long or total > self._doubtless:
            self.is_reached = True
            parts = parts[: max(self._max_tokens - self.tokens, 0)]
            request_log.warn(f"the upstream server ignores max_tokens: its answer is cut at {self._max_tokens} tokens")
        self.tokens += len(parts)
        return "".join(parts), len(parts)
