"""How long finished completions and charges are kept."""

from dataclasses import dataclass

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Retention:
    """Keeps what is younger than `days`, or the newest `count` completions of each team; and all that are running."""

    days: float | None = None
    count: int | None = None

    def oldest(self, now: float) -> float:
        """The time before which nothing is kept, in Unix seconds."""
        return float("-inf") if self.days is None else now - self.days * SECONDS_PER_DAY


# A completion takes about 5 KB, so that memory stays below 100 MB for each team.
IN_MEMORY = Retention(count=20_000)
IN_DATABASE = Retention(days=30)
# Counters of injected faults, which clients can name as they like.
COUNTERS = 10_000
