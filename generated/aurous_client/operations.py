"""A call as data, and the protocols of what carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any, Generic, Literal, Protocol, Self, TypeAlias, TypeVar

from .types import Timeouts

T = TypeVar("T")
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)
# As RFC 9110 defines them.
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

EventT = TypeVar("EventT")
EventT_co = TypeVar("EventT_co", covariant=True)
StreamT_co = TypeVar("StreamT_co", covariant=True)


Format: TypeAlias = Literal["json", "json_lines", "text", "bytes", "none"]
"""How a body is decoded: one JSON document, one in each line, text, bytes as they are; or that there is none."""


@dataclass(frozen=True, kw_only=True)
class ResponseForm(Generic[ResultT_co]):
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
    held_while: tuple[str, tuple[str, ...]] | None = None
    """A member, and its values while the amount is held; with any other value it is what was charged."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How a list goes on."""

    items: str
    """The attribute of a page that has its items."""
    cursor: str
    """That which says where the next page begins; empty or None on the last."""
    parameter: str
    """The parameter of the query that takes it."""
    has_more: str | None = None
    """The attribute that says whether there is another page, if there is one."""
    backward: str | None = None
    """The parameter that asks in the other direction, where no page follows, if there is one."""


@dataclass(frozen=True, kw_only=True)
class EventFormat(Generic[EventT_co]):
    """How the events of a stream arrive, and what each of them is parsed into."""

    parse: Callable[[Any], EventT_co]
    """Makes an event from its decoded data. Raises ParseError."""
    media_type: str = "text/event-stream"
    """Of JSON lines, each line is an event."""
    format: Literal["json", "text"] = "json"
    """How the data of an event is decoded."""
    terminator: str | None = None
    """The data of the last event, if there is one that says so; else the stream ends with its body."""


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
    response_forms: tuple[ResponseForm[ResultT], ...] = ()
    """The forms that a success can have, where there are several; each has its own `parse` and `format`."""
    events: EventFormat[Any] | None = None
    """None where the operation does not stream."""
    idempotency_header: str | None = None
    """The header that makes a repeated call safe, where the operation takes one."""
    charge: Charge | None = None
    """None where a call costs nothing."""
    paging: Paging | None = None
    """None where the result is not a page."""
    repeatable_without_key: bool | None = None
    """Whether a call that is sent twice has the effect of one, without a key, as the spec says; None: by the method."""

    @property
    def is_repeatable(self) -> bool:
        """Whether a call that is sent twice has the effect of one, without a key."""
        return self.method in _IDEMPOTENT if self.repeatable_without_key is None else self.repeatable_without_key

    def response_form(self, status_code: int, content_type: str | None) -> Operation[ResultT] | ResponseForm[ResultT]:
        """What has the `parse` and `format` of a success: its form by status and media type, else by status, else
        the first; the operation itself where there is one form only.
        """
        if not self.response_forms:
            return self
        media_type = (content_type or "").partition(";")[0].strip().lower()
        for wanted in (media_type, None):
            for form in self.response_forms:
                if form.matches(status_code, wanted):
                    return form
        return self.response_forms[0]


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


class SyncEventStream(Protocol[EventT_co]):
    """The events of a stream, which `with` opens and closes; iterating opens it too."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Self: ...

    def __next__(self) -> EventT_co: ...

    def close(self) -> None: ...


class AsyncEventStream(Protocol[EventT_co]):
    """As `SyncEventStream`, for asyncio."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> EventT_co: ...

    async def close(self) -> None: ...


class SyncEventCaller(SyncCaller, Protocol):
    """A caller that can also open streams of typed events."""

    def stream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> SyncEventStream[EventT]: ...


class AsyncEventCaller(AsyncCaller, Protocol):
    """As `SyncEventCaller`, for asyncio."""

    def astream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> AsyncEventStream[EventT]: ...


class SyncStreamer(SyncEventCaller, Protocol[StreamT_co]):
    """A caller that also has a class of its own for the streams of some operations."""

    def stream(self, operation: Operation[Any], request: Request) -> StreamT_co: ...


class AsyncStreamer(AsyncEventCaller, Protocol[StreamT_co]):
    """As `SyncStreamer`, for asyncio."""

    def astream(self, operation: Operation[Any], request: Request) -> StreamT_co: ...


__all__ = [
    "AsyncCaller",
    "AsyncEventCaller",
    "AsyncEventStream",
    "AsyncStreamer",
    "Charge",
    "EventFormat",
    "Format",
    "Operation",
    "Paging",
    "Request",
    "Response",
    "ResponseForm",
    "SyncCaller",
    "SyncEventCaller",
    "SyncEventStream",
    "SyncStreamer",
]
