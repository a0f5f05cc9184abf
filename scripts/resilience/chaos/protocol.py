"""What the processes of a trial tell one another: what is to be done, and what came of it. Values only.

They travel as lines of JSON, one value each.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long clients wait, in seconds."""

    read: float = 2.0
    total: float = 30.0
    initial_delay: float = 1.0
    """Before the second attempt; doubled for each further one, as the client does by itself."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What one process does: the calls whose numbers are first, first + step ... below stop."""

    url: str
    kind: Literal["calls", "streams"]
    mode: Literal["threads", "tasks"]
    seed: int
    first: int
    stop: int
    step: int
    at_once: int
    patience: Patience = Patience()

    @property
    def numbers(self) -> range:
        return range(self.first, self.stop, self.step)


class CallTold(msgspec.Struct, frozen=True, kw_only=True, tag="call"):
    """How one call ended."""

    number: int
    elapsed: float
    """Seconds, by the caller's clock."""
    key: str | None
    """The idempotency key that it went under."""
    is_derived: bool
    """Whether the key was the caller's own, made of what the call is about; otherwise the client made it."""
    error: str | None = None
    """The error's class; None for a call that ended well."""
    is_typed: bool = True
    """Whether the error is one of the client's own."""
    said: str = ""
    attempts: int = 0
    id: str | None = None
    credits: Decimal | None = None
    is_replay: bool = False
    """Whether the client takes the answer for one that an earlier call paid for."""


class StreamTold(msgspec.Struct, frozen=True, kw_only=True, tag="stream"):
    """How one stream ended."""

    number: int
    elapsed: float
    id: str | None
    end: str | None
    """What `stream.end` says."""
    error: str | None = None
    is_typed: bool = True
    said: str = ""
    recovery: str | None = None
    """What the record was when it was asked for after the break: its status, or the class of the error."""
    credits: Decimal | None = None
    """What `stream.receipt` says."""
    text: str = ""
    """What had been delivered."""


class Settled(msgspec.Struct, frozen=True, kw_only=True, tag="settled"):
    """How a call or a stream stands once everything is calm: the same call made again, or the record retrieved."""

    number: int
    id: str
    credits: Decimal
    text: str
    is_replay: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True, tag="account"):
    """What one client's ledger says."""

    credits: Decimal
    calls: int
    replays: int
    unsettled: tuple[str, ...]


class Done(msgspec.Struct, frozen=True, tag="done"):
    """A process has come to the end of its job, and waits for the word to settle what is open."""

    unsettled: tuple[str, ...]
    """The completions whose price its client's ledger does not know."""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """What one process does for a while: always so many streams and calls at once."""

    url: str
    seconds: float
    at_once: int
    seed: int
    pace: float
    """Tokens that the server is to send per second in each stream."""
    leak: str = ""
    """What to keep that should be let go of: `memory`, `streams` or `threads`; proof that it would be seen."""
    patience: Patience = Patience(read=5.0, initial_delay=0.2)


class Tally(msgspec.Struct, frozen=True, kw_only=True, tag="tally"):
    """What has come of a shift so far."""

    endings: dict[str, int]
    """How many exchanges ended how."""
    untyped: dict[str, int]
    """Errors that are none of the client's own."""
    events: int
    """Chunks of streams that were handed out."""
    credits: Decimal
    """What the clients' ledgers say."""


SETTLE: Final = "settle"
"""The word to do so; at any other, or none, what is open stays so."""

Told: TypeAlias = CallTold | StreamTold | Settled | Account | Done | Tally
READ = msgspec.json.Decoder(Told)
WRITE = msgspec.json.Encoder()
