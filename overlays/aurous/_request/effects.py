"""What a call asks of its transport, and what it is told. Values only: they know no rules and no HTTP library."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from .._client.options import Secret

ResultT = TypeVar("ResultT")

KEY_HEADER: Final = "X-Api-Key"
EVENT_STREAM: Final = "text/event-stream"


class Send(NamedTuple):
    """Send this once, and tell what came."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    key: Secret
    """Goes into the header that carries it, at the last moment."""
    content: bytes | None
    connect: float
    """Seconds, as the three that follow."""
    read: float
    write: float
    total: float
    streams: bool
    """Whether to leave the body of a success of type `text/event-stream` unread, in `Reply.body`."""

    def __repr__(self) -> str:
        # What people said to a model is not for logs.
        return f"Send({self.method} {self.url})"


class Wait(NamedTuple):
    """Do nothing for so many seconds."""

    seconds: float


class Reply(NamedTuple):
    """An answer in full, or a stream's beginning."""

    status_code: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    content: bytes = b""
    body: Any = None
    """What is left to be read, of a stream."""
    fault: str | None = None
    """Why the body of an answer that is no success is not whole."""
    is_framed: bool = True
    """Whether the body says where it ends, so that it cannot be cut short unnoticed."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    def __repr__(self) -> str:
        return f"Reply({self.status_code}, {len(self.content)} bytes)"


class Failure(NamedTuple):
    """No answer, or only part of one."""

    message: str
    sent: bool
    """Whether any byte may have reached the server."""
    timed_out: bool = False
    is_final: bool = False
    """Whether another attempt would come to the same end."""
    cause: BaseException | None = None


Steps: TypeAlias = Generator[Send | Wait, Reply | Failure | None, ResultT]
