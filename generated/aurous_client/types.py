"""What every generated module shares: the absent value, and a call as data. Knows no HTTP library."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
ResultT = TypeVar("ResultT")
StreamT_co = TypeVar("StreamT_co", covariant=True)


class Unset(enum.Enum):
    """The type of `UNSET`, the value of a member that is not there. False in a condition; one object, even unpickled."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


class JsonObject:
    """The base of every generated model. A model read from a response can carry what it came with."""

    __slots__ = ("_origin",)

    _origin: Any

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        raise TypeError(f"{type(self).__name__} is no generated model")


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
    timeout: float | None = None
    """Seconds that this call may take; None leaves it to the client."""
    on_drop: Literal["raise", "recover"] | None = None
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
    "UNSET",
    "AsyncCaller",
    "AsyncStreamer",
    "JsonObject",
    "Operation",
    "Request",
    "Response",
    "SyncCaller",
    "SyncStreamer",
    "Unset",
]
