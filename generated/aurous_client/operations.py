"""A call as data, and the protocols of what carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from .types import Timeouts

T = TypeVar("T")
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)
# As RFC 9110 defines them.
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

StreamT_co = TypeVar("StreamT_co", covariant=True)


Format: TypeAlias = Literal["json", "json_lines", "text", "bytes", "none"]
"""How a body is decoded: one JSON document, one in each line, text, bytes as they are; or that there is none."""


@dataclass(frozen=True, kw_only=True)
class Variant(Generic[ResultT_co]):
    """One of the forms in which the success of an operation can arrive."""

    status: str
    """`200`, or `2XX` for all of them."""
    media_type: str | None
    """None where there is no body; `*` in it stands for anything."""
    parse: Callable[[Any], ResultT_co]
    format: Format = "json"

    def matches(self, status_code: int, media_type: str | None) -> bool:
        """Whether a response is of this form. media_type: None for any"""
        if self.status != str(status_code) and self.status.upper() != f"{status_code // 100}XX":
            return False
        if media_type is None or self.media_type is None:
            return True
        return fnmatchcase(media_type, self.media_type.partition(";")[0].strip().lower())


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
    """Makes the result from a decoded body. Raises ParseError."""
    format: Format = "json"
    """How the body of a success is decoded."""
    accept: str = "application/json"
    """The media types that a success can have, as the `Accept` header lists them."""
    variants: tuple[Variant[ResultT], ...] = ()
    """The forms that a success can have, where there are several; each has its own `parse` and `format`."""
    parse_event: Callable[[Any], Any] | None = None
    """Makes one decoded event of a stream; None where the operation does not stream."""
    idempotency_header: str | None = None
    """The header that makes a repeated call safe, where the operation takes one."""
    charge: Charge | None = None
    """None where a call costs nothing."""
    repeatable: bool | None = None
    """Whether a call that is sent twice has the effect of one, without a key, as the spec says; None: by the method."""

    @property
    def is_repeatable(self) -> bool:
        """Whether a call that is sent twice has the effect of one, without a key."""
        return self.method in _IDEMPOTENT if self.repeatable is None else self.repeatable

    def variant(self, status_code: int, content_type: str | None) -> Operation[ResultT] | Variant[ResultT]:
        """What has the `parse` and `format` of a success: its variant by status and media type, else by status, else
        the first; the operation itself where there is one form only.
        """
        if not self.variants:
            return self
        media_type = (content_type or "").partition(";")[0].strip().lower()
        for wanted in (media_type, None):
            for variant in self.variants:
                if variant.matches(status_code, wanted):
                    return variant
        return self.variants[0]


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
    "Format",
    "Operation",
    "Request",
    "Response",
    "SyncCaller",
    "SyncStreamer",
    "Variant",
]
