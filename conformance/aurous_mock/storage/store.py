"""The interface of stores: completions, idempotency keys, balances, charges and rate limits."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from aurous_mock.billing.pricing import in_credits
from aurous_mock.storage.idempotency import Claim, Entry, KeyInUse, Replay
from aurous_mock.storage.token_bucket import BucketState, Change


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCompletion:
    """A completion to start: the record to store, the credits to hold, and the key to claim."""

    id: str
    team: str
    streamed: bool
    hold: int
    body: bytes
    claim: Claim | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishCompletion:
    """The end of a completion: its status, final body and charge in micro-credits."""

    id: str
    status: str
    body: bytes
    charge: int


@dataclass(frozen=True, slots=True)
class Started:
    """The completion is started."""


@dataclass(frozen=True, slots=True)
class InsufficientCredits:
    """The balance does not cover the hold. available: micro-credits"""

    available: int


class CheckpointResult(Enum):
    """The result of a checkpoint: stored, also if a cancellation is requested; or refused, since it is finished."""

    STORED = "stored"
    CANCEL_REQUESTED = "cancel requested"
    FINISHED = "finished"


StartResult = Started | Replay | KeyInUse | InsufficientCredits


@dataclass(frozen=True, slots=True)
class Record:
    """A stored completion."""

    id: str
    status: str
    streamed: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Balance:
    """A team's micro-credits: all of them, and those held for running requests."""

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
    """One entry of the ledger. amount: micro-credits"""

    completion_id: str
    team: str
    status: str
    amount: int
    idempotency_key: str | None
    charged_at: float

    def body(self) -> dict[str, Any]:
        return {
            "completion_id": self.completion_id,
            "team": self.team,
            "status": self.status,
            "credits_charged": in_credits(self.amount),
            "idempotency_key": self.idempotency_key,
            "charged_at": self.charged_at,
        }


def script_counter(number: int) -> str:
    """The name of the counter of a script."""
    return f"script {number}"


class StoreUnavailable(Exception):  # noqa: N818 - a state of the store, not of this program
    """The store cannot be used at the moment; it may be available later."""


class Store(Protocol):
    """All state of the server. Each method is one transaction, also with several servers that share the store."""

    async def start(self) -> None:
        """Open the store; called once, on the event loop that uses it."""
        ...

    async def stop(self) -> None:
        """Close files and connections."""
        ...

    async def start_completion(self, start: StartCompletion) -> StartResult:
        """Claim the key, place the hold and store the record; or change nothing, and return why."""
        ...

    async def finish_completion(self, finish: FinishCompletion) -> bool:
        """Finish a completion once: store its body, release its hold, charge it, and store the response of its key, or
        free the key if it failed. False if it was finished differently before, or does not exist; to repeat the same
        finish is harmless and True."""
        ...

    async def checkpoint(self, completion_id: str, body: bytes) -> CheckpointResult:
        """Store the body of a running completion."""
        ...

    async def request_cancel(self, completion_id: str) -> None:
        """Request that the server that generates the completion cancels it."""
        ...

    async def key(self, team: str, key: str) -> Entry | None:
        """The stored entry of a team's key."""
        ...

    async def find(self, team: str, completion_id: str) -> Record | None:
        """The team's completion of that id."""
        ...

    async def balance(self, team: str) -> Balance:
        """The team's credits."""
        ...

    async def charges(self) -> list[Charge]:
        """The ledger, oldest entry first."""
        ...

    async def increment(self, name: str) -> int:
        """Increment the counter `name`, and return its value before."""
        ...

    async def update_bucket(self, bucket: str, change: Change) -> BucketState:
        """Replace the state of a bucket by `change(state)`, atomically, and return it."""
        ...

    async def add_script(self, script: str) -> None:
        """Store a script: a fault or an answer for later requests, as JSON text."""
        ...

    async def scripts(self) -> list[tuple[int, str]]:
        """The scripts and their numbers, oldest first."""
        ...

    async def increment_script(self, number: int, script: str) -> int | None:
        """Increment the counter of a script, and return its value before; None if the script was removed."""
        ...

    async def script_count(self, number: int) -> int:
        """The counter of a script."""
        ...

    async def remove_script(self, number: int) -> None:
        """Delete a script and its counter."""
        ...

    async def reset(self) -> None:
        """Delete everything, balances included."""
        ...

    async def advance(self, seconds: float) -> None:
        """Advance the clock of every server that shares the store."""
        ...

    def now(self) -> float:
        """Unix seconds, by the clock that tests may advance."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other servers may use the same store."""
        ...
