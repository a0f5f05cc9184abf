"""A call as data, and the protocols of what carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from .types import Timeouts

T = TypeVar("T")
ResultT = TypeVar("ResultT")
StreamT_co = TypeVar("StreamT_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Where a successful response says how many credits it cost."""

    amount: tuple[str, ...]
    """The names of the members that lead to the number."""
    is_record: bool = False
    """Whether the response repeats what an earlier call cost, and costs nothing itself."""


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[ResultT]):
    """One operation of the API, as data."""

    id: str
    """The operationId in the spec."""
    method: str
    path: str
    """The path with its parameters in braces; for logs and spans, where the filled one would be too many names."""
    parse: Callable[[Any], ResultT]
    """Makes the result from a decoded JSON body. Raises ParseError."""
    has_body: bool = True
    """Whether a success has a JSON body; if not, `parse` is given None."""
    parse_event: Callable[[Any], Any] | None = None
    """Makes one decoded event of a stream; None where the operation does not stream."""
    idempotency_header: str | None = None
    """The header that makes a repeated call safe, where the operation takes one."""
    charge: Charge | None = None
    """None where a call costs nothing."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that is ready to be sent, as often as needed, with the same bytes."""

    method: str
    path: str
    """Percent-encoded, beginning with a slash, relative to the base URL."""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    """The encoded body."""
    timeout: float | Timeouts | None = None
    """Seconds for one attempt, or the timeouts of this call; None leaves it to the client."""
    on_disconnect: Literal["raise", "recover"] | None = None
    """What a stream does when it breaks off; None leaves it to the client."""


@dataclass(frozen=True, kw_only=True)
class Response(Generic[T]):
    """A successful answer, in full."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    parsed: T


class SyncCaller(Protocol):
    """Whatever carries out operations: `Client` of this package, or a client with retries around it."""

    def call(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]: ...


class AsyncCaller(Protocol):
    """As `SyncCaller`, for asyncio."""

    async def acall(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]: ...


class SyncStreamer(SyncCaller, Protocol[StreamT_co]):
    """A caller that can also open streams of events."""

    def stream(self, operation: Operation[Any], request: Request) -> StreamT_co: ...


class AsyncStreamer(AsyncCaller, Protocol[StreamT_co]):
    """As `SyncStreamer`, for asyncio."""

    def astream(self, operation: Operation[Any], request: Request) -> StreamT_co: ...


__all__ = [
    "AsyncCaller",
    "AsyncStreamer",
    "Charge",
    "Operation",
    "Request",
    "Response",
    "SyncCaller",
    "SyncStreamer",
]
