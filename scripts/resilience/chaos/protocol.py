"""The messages between a run and its client processes, one line of JSON each."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec


class ClientTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Timeouts of the clients, in seconds."""

    read: float = 2.0
    total: float = 30.0
    initial_delay: float = 1.0
    """Before the second attempt; the client doubles it for each further one."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one process: the calls numbered first, first + step ... below stop."""

    url: str
    kind: Literal["calls", "streams"]
    mode: Literal["threads", "tasks"]
    seed: int
    first: int
    stop: int
    step: int
    concurrency: int
    timeouts: ClientTimeouts = ClientTimeouts()
    retry_quota: int | None = None
    """The client's `RetryPolicy.quota`."""

    @property
    def numbers(self) -> range:
        return range(self.first, self.stop, self.step)


class CallOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="call"):
    """How one call ended."""

    number: int
    elapsed: float
    """Seconds, by the caller's clock."""
    key: str | None
    """Its idempotency key."""
    is_derived: bool
    """Whether the caller derived the key; otherwise the client generated it."""
    error: str | None = None
    """The error's class; None for a success."""
    is_typed: bool = True
    """Whether the error is an AurousError."""
    message: str = ""
    attempts: int = 0
    id: str | None = None
    credits: Decimal | None = None
    is_replay: bool = False
    """Whether the client reports a replay, paid for by an earlier call."""


class StreamOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="stream"):
    """How one stream ended."""

    number: int
    elapsed: float
    id: str | None
    end: str | None
    """`stream.end`"""
    error: str | None = None
    is_typed: bool = True
    message: str = ""
    recovery: str | None = None
    """What recovery found: the status of the record, or the class of the error."""
    credits: Decimal | None = None
    """`stream.receipt.credits`"""
    text: str = ""
    """The text delivered."""


class Settlement(msgspec.Struct, frozen=True, kw_only=True, tag="settled"):
    """The state after the run: of a call, repeated under its key; of a stream, its record retrieved."""

    number: int
    id: str
    credits: Decimal
    text: str
    is_replay: bool = False


class LedgerTotals(msgspec.Struct, frozen=True, kw_only=True, tag="account"):
    """The totals of one client's ledger."""

    credits: Decimal
    calls: int
    replays: int
    unsettled: tuple[str, ...]


class JobDone(msgspec.Struct, frozen=True, tag="done"):
    """A process has finished its job, and waits for the command to settle."""

    unsettled: tuple[str, ...]
    """The completions that are unsettled in its client's ledger."""


class SoakJob(msgspec.Struct, frozen=True, kw_only=True):
    """The work of the soak's client process: a constant number of streams and calls at once."""

    url: str
    seconds: float
    concurrency: int
    seed: int
    pace: float
    """Tokens per second of each completion."""
    leak: str = ""
    """What to leak on purpose, `memory`, `streams` or `threads`, to show that it is detected."""
    timeouts: ClientTimeouts = ClientTimeouts(read=5.0, initial_delay=0.2)


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="tally"):
    """What a soak job has done so far."""

    endings: dict[str, int]
    """How many exchanges ended in which way."""
    untyped: dict[str, int]
    """Errors that are no AurousError."""
    events: int
    """Chunks received from streams."""
    credits: Decimal
    """The sum of the clients' ledgers."""


SETTLE: Final = "settle"
"""The command to settle; any other line means not to."""

Message: TypeAlias = CallOutcome | StreamOutcome | Settlement | LedgerTotals | JobDone | Progress
DECODER = msgspec.json.Decoder(Message)
ENCODER = msgspec.json.Encoder()
