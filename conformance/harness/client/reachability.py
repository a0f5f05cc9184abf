"""Whether the server still accepts connections: the rest of the rules cannot be tested on one that is gone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NoReturn

from harness.violations import not_tested

# Refused connections in a row.
GONE_AFTER = 3
# Seconds between two attempts to reach a server that is gone: it may be started again.
RETRY_EVERY = 1.0


@dataclass
class Reachability:
    """Counts refused connections; one that is accepted ends the count."""

    refusals: int = 0
    reason: str = ""
    _tried: float = 0.0

    def require(self) -> None:
        """End the test as not tested if the server is gone, but for an attempt now and then."""
        if self.refusals >= GONE_AFTER and time.monotonic() - self._tried < RETRY_EVERY:
            self._end()
        self._tried = time.monotonic()

    def accepted(self) -> None:
        self.refusals = 0

    def refused(self, reason: str) -> None:
        """Count a refused connection; NotTested if the server was gone before."""
        self.refusals += 1
        self.reason = reason
        if self.refusals > GONE_AFTER:
            self._end()

    def _end(self) -> NoReturn:
        not_tested(
            f"server gone: it no longer accepts connections ({self.reason}); it was stopped, or it crashed on what the "
            "rules that failed first have sent"
        )
