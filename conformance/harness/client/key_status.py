"""Whether the server still accepts a key, and its team can pay: else the rest of the rules cannot be tested."""

from __future__ import annotations

from dataclasses import dataclass

from harness.violations import not_tested


@dataclass
class KeyStatus:
    """What the server made of the requests with one key. `refusal` says why it refuses them, and what to check."""

    option: str = "--api-key or AUROUS_API_KEY"
    was_accepted: bool = False
    refusal: str = ""

    def require(self) -> None:
        """End the test as not tested if requests with the key are refused."""
        if self.refusal:
            not_tested(self.refusal)

    def refuse(self, outcome: str) -> None:
        """Note that the server refuses the key, and end the test."""
        self.refusal = (
            f"key refused: every request with the key is answered {outcome}; it was revoked or has expired, or the "
            f"server does not know it: check {self.option}"
        )
        self.require()

    def run_out(self, outcome: str, available: float) -> None:
        """Note that the team cannot pay for the run, and end the test."""
        self.refusal = (
            f"out of credits: a request was answered {outcome}, and the team of the key has {available:g} credits "
            f"available: give it more, or name the key of another team with {self.option}"
        )
        self.require()
