"""The effects that flows ask a transport to carry out, and the results they get back. Plain values without I/O.

A flow is a generator: it yields an effect, and the driver (`SyncTransport.run`, `AsyncTransport.run`) carries it out
and sends its result back in. Flows call one another with `yield from`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from .._config.secret import Secret
from .tracebacks import redact_chain

ResultT = TypeVar("ResultT")

API_KEY_HEADER: Final = "X-Api-Key"
EVENT_STREAM: Final = "text/event-stream"
MIN_TIMEOUT: Final = 0.001
"""Seconds. A timeout of 0 would mean a non-blocking socket, which could not even fetch what has arrived."""


class SendRequest(NamedTuple):
    """Send an HTTP request once. Result: RawResponse or TransportFailure."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    api_key: Secret | None
    """Added to the headers by the transport, so that no other frame holds it in the clear. None: sent without a key"""
    content: bytes | None
    connect: float
    """Timeout in seconds, as are the next four."""
    pool: float
    read: float
    write: float
    total: float
    streams: bool
    """Whether to leave the body of a successful response of `stream_type` unread, in `RawResponse.body`."""
    stream_type: str = EVENT_STREAM

    def __repr__(self) -> str:
        # Prompts do not belong in logs.
        return f"SendRequest({self.method} {self.url})"


class Sleep(NamedTuple):
    """Wait. Result: None."""

    seconds: float


class Read(NamedTuple):
    """Read the next piece of a body. Result: bytes, None at its end, or TransportFailure."""

    body: Any
    remaining: Callable[[], float]
    """Seconds that the read may take; called when it starts to wait."""


class Close(NamedTuple):
    """Close a body. The connection is reusable if it was read to its end; otherwise the server sees a disconnect."""

    body: Any


class Shield(NamedTuple):
    """Run a flow to its end even if the caller is cancelled meanwhile. Result: the flow's."""

    flow: Flow[Any]


class RawResponse(NamedTuple):
    """A whole response, or the head of a stream."""

    status_code: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    content: bytes = b""
    body: Any = None
    """The unread body of a stream."""
    body_error: str | None = None
    """Why the body of an error response is incomplete."""
    is_framed: bool = True
    """Whether the body declares its end, so that truncation would be noticed."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    def redacted(self, key: Secret) -> RawResponse:
        """It without the key, which a proxy's debugging page may repeat; but the body of a success is unchanged."""
        result = self
        if key.is_in((*self.headers, *self.headers.values())):
            headers = {key.redact(name): key.redact(value) for name, value in self.headers.items()}
            result = result._replace(headers=headers)
        if self.body_error is not None:
            result = result._replace(body_error=key.redact(self.body_error))
        return result if self.is_success else result._replace(content=key.redact(self.content))

    def __repr__(self) -> str:
        return f"RawResponse({self.status_code}, {len(self.content)} bytes)"


class TransportFailure(NamedTuple):
    """No response, or only part of one."""

    message: str
    sent: bool
    """Whether any byte may have reached the server."""
    timed_out: bool = False
    is_final: bool = False
    """Whether another attempt would fail the same way."""
    is_pool_timeout: bool = False
    """Whether no connection was free in time, so that nothing was tried."""
    cause: BaseException | None = None

    def redacted(self, key: Secret) -> TransportFailure:
        """It without the key: HTTP libraries quote what a server sent."""
        if self.cause is not None:
            redact_chain(self.cause, key.redact)
        return self._replace(message=key.redact(self.message))

    def __repr__(self) -> str:
        # The message can quote what a server sent, before it is redacted.
        return f"TransportFailure(sent={self.sent}, timed_out={self.timed_out})"


Effect: TypeAlias = SendRequest | Sleep | Read | Close | Shield
Flow: TypeAlias = Generator[Effect, Any, ResultT]
