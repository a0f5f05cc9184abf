"""Says what every store of completions, keys, balances and charges must do; holds none of them itself."""

from dataclasses import dataclass
from typing import Any, Protocol

from aurous_mock.billing.pricing import in_credits
from aurous_mock.completions.idempotency import Claim, Entry, InUse, Replay
from aurous_mock.http.rate_limits import BucketState, Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A completion about to be made: what to store, hold and claim, or not to begin at all."""

    id: str
    team: str
    streamed: bool
    hold: int
    body: bytes
    claim: Claim | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a completion ended: its last body, and what it costs."""

    id: str
    status: str
    body: bytes
    charge: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The completion was begun."""


@dataclass(frozen=True, slots=True)
class TooLow:
    """The balance does not cover the hold."""

    available: int


Verdict = Opened | Replay | InUse | TooLow


@dataclass(frozen=True, slots=True)
class Record:
    """A stored completion."""

    id: str
    status: str
    streamed: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Balance:
    """A team's micro-credits: all of them, and those held for requests that still run."""

    credits: int
    held: int

    def body(self) -> dict[str, Any]:
        return {
            "credits": in_credits(self.credits),
            "held_credits": in_credits(self.held),
            "available_credits": in_credits(self.credits - self.held),
            "currency": "credit",
            "billing_mode": "metered",
        }


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of the ledger."""

    completion_id: str
    team: str
    status: str
    micro: int
    idempotency_key: str | None
    charged_at: float

    def body(self) -> dict[str, Any]:
        return {
            "completion_id": self.completion_id,
            "team": self.team,
            "status": self.status,
            "credits_charged": in_credits(self.micro),
            "idempotency_key": self.idempotency_key,
            "charged_at": self.charged_at,
        }


class Unreachable(Exception):  # noqa: N818 - a state of the store
    """The store cannot be used at the moment."""


class Store(Protocol):
    """All of the server's memory. Each method is one transaction, whole or not at all, for any number of servers that
    share the store."""

    async def start(self) -> None:
        """Make ready; called once, on the loop that will use the store."""
        ...

    async def stop(self) -> None:
        """Let go of files and connections."""
        ...

    async def open(self, opening: Opening) -> Verdict:
        """Claim the key, place the hold and store the record, or say why not and change nothing."""
        ...

    async def close(self, closing: Closing) -> bool:
        """End a completion once: store its body, release its hold, charge it, and answer its key from now on (or free
        the key, when it failed). False if it had ended before."""
        ...

    async def checkpoint(self, completion_id: str, body: bytes) -> bool:
        """Store how far a running completion has come; True if someone asked for it to be cancelled."""
        ...

    async def ask_to_cancel(self, completion_id: str) -> None:
        """Leave word for the server that makes the completion."""
        ...

    async def key(self, team: str, key: str) -> Entry | None:
        """What is known of the team's key."""
        ...

    async def find(self, team: str, completion_id: str) -> Record | None:
        """The team's completion of that id."""
        ...

    async def balance(self, team: str) -> Balance:
        """The team's credits."""
        ...

    async def charges(self) -> list[Charge]:
        """The ledger, oldest line first."""
        ...

    async def count(self, name: str) -> int:
        """How often `name` has been counted before, now counting once more."""
        ...

    async def update_bucket(self, bucket: str, change: Change) -> BucketState:
        """Put what `change` makes of a rate limit's level in its place, as one step, and return it."""
        ...

    async def add_rule(self, rule: str) -> None:
        """Keep a scripted fault."""
        ...

    async def rules(self) -> list[tuple[int, str]]:
        """The scripted faults and their numbers, oldest first."""
        ...

    async def reset(self) -> None:
        """Forget everything, balances included."""
        ...

    async def advance(self, seconds: float) -> None:
        """Push the clock of every server that shares the store."""
        ...

    def now(self) -> float:
        """Seconds since the epoch, by the clock that tests may push."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other servers may use the same store."""
        ...
