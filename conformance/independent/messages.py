"""Requests, responses, and a call: a request on its way through the application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .accounts import ApiKey, Team
from .completions import Completion
from .errors import ApiError
from .request_headers import Headers


@dataclass
class Request:
    """A request as read from the connection. `problem` is why its body could not be read, if it could not."""

    method: str
    path: str
    headers: Headers
    body: bytes = b""
    problem: ApiError | None = None


@dataclass
class Response:
    """A response: a JSON `document`, or ready-made `body` bytes, or a `stream` of bytes.

    `on_close` is called once, when the response has been written or its client has disconnected.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    document: Any = None
    body: bytes | None = None
    stream: Iterator[bytes] | None = None
    indent: int | None = None
    chunked: bool = False
    close: bool = False
    on_close: Callable[[], None] = lambda: None

    def encode(self) -> bytes:
        """Return the body of a response that is not a stream."""
        if self.body is not None:
            return self.body
        separators = None if self.indent else (",", ":")
        return json.dumps(self.document, indent=self.indent, separators=separators).encode()


@dataclass
class Call:
    """A request, and what is known of it so far."""

    request: Request
    request_id: str
    version: str
    route: str | None = None
    target: str = ""
    key: ApiKey | None = None
    team: Team | None = None
    body: Any = None
    idempotency_key: str | None = None
    error: ApiError | None = None
    completion: Completion | None = None
    replayed: bool = False

    @property
    def streams(self) -> bool:
        """Whether the body asks for a stream."""
        return isinstance(self.body, dict) and self.body.get("stream") is True

    @property
    def about_chat(self) -> bool:
        return self.request.path.startswith("/v1/chat/")
