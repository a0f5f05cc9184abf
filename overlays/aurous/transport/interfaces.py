"""What the transports need of an HTTP client and of its responses, whichever library they are of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from .effects import SendRequest

CLOSED: Final = "the client is closed; make a new one"
"""The message of a call with a client that is closed."""


class ResponseHead(Protocol):
    """The head of a response."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> dict[str, str]:
        """By their names in lower case."""
        ...

    @property
    def is_http1(self) -> bool: ...


class HTTPResponse(ResponseHead, Protocol):
    """A response whose body is unread."""

    content_encoding: str

    def receive(self, remaining: Callable[[], float] | None = None) -> bytes | None:
        """The next data, None at the end. remaining: the seconds that it may wait; by default until the deadline"""

    def close(self) -> None:
        """Close the response. Its connection is reused only if the body was read to its end."""


class HTTPClient(Protocol):
    """A client for threads."""

    def send(self, request: SendRequest, deadline: float) -> HTTPResponse:
        """Send a request, and receive the head of its response. deadline: by `time.monotonic`"""
        ...

    def close(self) -> None: ...


class AsyncHTTPResponse(ResponseHead, Protocol):
    """A response whose body is unread."""

    content_encoding: str

    async def receive(self) -> bytes | None:
        """The next data, None at the end."""

    async def close(self, *, is_exhausted: bool) -> None:
        """Close the response, also if the task is cancelled. Its connection is reused if the body was exhausted."""

    def abandon(self, *, is_loop_closed: bool) -> None:
        """Disconnect at once, from any thread."""


class AsyncHTTPClient(Protocol):
    """A client for the coroutines of one event loop."""

    def send(self, request: SendRequest) -> Coroutine[Any, Any, AsyncHTTPResponse]:
        """Send a request, and receive the head of its response."""
        ...

    async def close(self) -> None: ...
