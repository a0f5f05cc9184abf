"""What a call asks of its transport, and what it is told. Values only: they know no rules and no HTTP library."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from .options import Secret

ResultT = TypeVar("ResultT")


@frozen(kw_only=True)
class Send:
    """Send this once, and tell what came."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(repr=False)
    key: Secret
    """Goes into the header that carries it, at the last moment."""
    content: bytes | None = field(repr=False)
    connect: float
    """Seconds, as the three that follow."""
    read: float
    write: float
    total: float
    streams: bool
    """Whether to leave the body of a success of type `text/event-stream` unread, in `Reply.body`."""


@frozen
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@frozen(kw_only=True)
class Reply:
    """An answer in full, or a stream's beginning."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    """By their names in lower case."""
    content: bytes = field(default=b"", repr=False)
    body: Any = field(default=None, repr=False)
    """What is left to be read, of a stream."""
    fault: str | None = None
    """Why the body of an answer that is no success is not whole."""
    is_framed: bool = True
    """Whether the body says where it ends, so that it cannot be cut short unnoticed."""


@frozen(kw_only=True)
class Failure:
    """No answer, or only part of one."""

    message: str
    sent: bool
    """Whether any byte may have reached the server."""
    timed_out: bool = False
    is_final: bool = False
    """Whether another attempt would come to the same end."""
    cause: BaseException | None = field(default=None, repr=False)


Steps: TypeAlias = Generator[Send | Wait, Reply | Failure | None, ResultT]
