"""How long a request that was answered 429 waits before it is sent again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from harness.client.deadlines import TimeLimit
from harness.client.exchange import Exchange
from harness.violations import not_tested

# Seconds that one request may wait in all.
MAX_WAIT_SECONDS = 90.0
SHORTEST_PAUSE = 0.05


def is_throttled(exchange: Exchange) -> bool:
    """Whether a response asks for the same request again later: a 429, or a 503 that says that a rate is exceeded."""
    return exchange.status == 429 or (exchange.status == 503 and exchange.get("error", "type") == "rate_limit")


@dataclass
class Throttle:
    """The waits of one request."""

    time_limit: TimeLimit
    waited: float = 0.0
    pause: float = SHORTEST_PAUSE

    def wait(self, retry_after: str | None) -> None:
        """Wait as the header says, and longer each time.

        NotTested if that would take too long, or if the header does not say how long: a server that leaves it out
        breaks a rule, and guessing would delay the report of it by as long as the server limits requests.
        """
        header = "no Retry-After" if retry_after is None else f"Retry-After: {retry_after[:40]}"
        seconds = parse_retry_after(retry_after)
        if seconds is None:
            not_tested(f"rate limited: throttled ({header}), and the server does not say when to send a request again")
        self.pause = min(self.pause * 2, 5.0)
        seconds = max(seconds, self.pause)
        if seconds > (left := self.time_limit.remaining()):
            not_tested(f"rate limited: throttled ({header}), and {left:.0f} s of the run are left; raise --max-seconds")
        if self.waited + seconds > MAX_WAIT_SECONDS:
            not_tested(f"rate limited: still throttled ({header}) after waiting {self.waited:.0f} s")
        time.sleep(seconds)
        self.waited += seconds


def parse_retry_after(value: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or as a date; None for anything else."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
