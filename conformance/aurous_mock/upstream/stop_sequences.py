"""Ends a text at the request's stop sequences where its server ignores them, also across the pieces of a stream."""

from itertools import accumulate
from typing import Final

from aurous_mock import request_log
from aurous_mock.generation.answer import Logprobs, cut_at_stop


class StopSequences:
    """Passes on the text before the first stop sequence, and holds back what may be the beginning of one."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops: Final = stops
        self._held = ""
        self._held_logprobs: Logprobs = ()
        self.is_reached = False

    def feed(self, piece: str, logprobs: Logprobs = ()) -> tuple[str, Logprobs]:
        """What may be delivered with the next piece of the text, and the log probabilities of its tokens."""
        if self.is_reached:
            return "", ()
        text = self._held + piece
        kept = cut_at_stop(text, self._stops)
        if len(kept) < len(text):
            self.is_reached = True
            self._held = ""
            request_log.warn("the upstream server ignores stop: its answer is cut at a stop sequence")
        else:
            kept = text[: len(text) - self._beginning_length(text)]
            self._held = text[len(kept) :]
        return kept, self._release(kept, logprobs)

    def flush(self) -> tuple[str, Logprobs]:
        """What is left at the end of the text."""
        text, self._held = self._held, ""
        logprobs, self._held_logprobs = self._held_logprobs, ()
        return text, logprobs

    def _beginning_length(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a stop sequence."""
        return max(
            (size for stop in self._stops for size in range(1, len(stop)) if text.endswith(stop[:size])), default=0
        )

    def _release(self, text: str, logprobs: Logprobs) -> Logprobs:
        """The log probabilities of the tokens that the text completes; the others are held back with theirs."""
        known, count = self._held_logprobs + logprobs, None
        if self._held or self.is_reached:
            ends = accumulate(len(entry["token"]) for entry in known)
            count = sum(end <= len(text) for end in ends)
        self._held_logprobs = () if self.is_reached or count is None else known[count:]
        return known[:count]
