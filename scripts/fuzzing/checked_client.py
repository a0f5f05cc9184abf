"""Calls of every kind of client that check the result and the deadline; in process, a function gives the responses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import httpx
from aurous import AurousError, StreamPolicy, Timeouts
from aurous_client.types import JsonObject
from client_kinds import REQUEST, BlockingClient

READ_TIMEOUT: Final = 0.4
DEADLINE: Final = 1.5
# Seconds that a busy machine may take to notice that a deadline has passed.
TOLERANCE: Final = 3.0


class MisbehaviorError(AssertionError):
    """A client broke its contract."""


class CheckedClient(BlockingClient):
    """A client without retries whose results and deadlines are checked."""

    def __init__(self, kind: str, url: str, http_client: Any = None, *, max_event_size: int | None = None) -> None:
        super().__init__(
            kind,
            base_url=url,
            max_retries=0,
            http_client=http_client,
            timeout=Timeouts(
                connect=5.0, read=READ_TIMEOUT, write=5.0, total=DEADLINE, first_event=READ_TIMEOUT, idle=READ_TIMEOUT
            ),
            streams=StreamPolicy(max_event_size=max_event_size),
        )

    def ask(self, operation: str) -> str:
        """How a call or a stream ended: `a result`, a stream's end, or an error class. Raises MisbehaviorError."""
        began = time.monotonic()
        try:
            ended = self._ask(operation)
        except AurousError as error:
            # Callers print errors, so that must work too.
            ended = type(error).__name__ if str(error) and repr(error) else ""
        except Exception as error:
            raise MisbehaviorError(f"{self.kind}, {operation}: {type(error).__name__}: {error}") from error
        elapsed = time.monotonic() - began
        if elapsed > DEADLINE + TOLERANCE:
            raise MisbehaviorError(f"{self.kind}, {operation}: took {elapsed:.2f} s, its deadline is {DEADLINE} s")
        return ended

    def _ask(self, operation: str) -> str:
        return self.read_stream(_check_chunk) if operation == "stream" else _checked(self.call(_CALLS[operation]))


_CALLS: Final[dict[str, Callable[[Any], Any]]] = {
    "create": lambda client: client.chat.completions.create(**REQUEST),
    "retrieve": lambda client: client.chat.completions.retrieve("cmp_1"),
    "cancel": lambda client: client.chat.completions.cancel("cmp_1"),
    "models": lambda client: client.models.list(),
    "balance": lambda client: client.balance.retrieve(),
}


def _check_chunk(chunk: Any) -> None:
    _checked(chunk)
    if len(chunk.choices) != 1:
        raise MisbehaviorError(f"a chunk has {len(chunk.choices)} choices")


def _checked(result: object) -> str:
    """Check that a result is a valid model."""
    kind: Any = type(result)
    if not isinstance(result, JsonObject) or kind.from_dict(result.to_dict()) != result:
        raise MisbehaviorError(f"{result!r} is not a valid result")
    return "a result"


def in_process(kind: str, response: Callable[[], tuple[int, Any, Any]], **options: Any) -> CheckedClient:
    """A client without a network. response: gives status, headers and body, as httpx takes them"""

    def handle(request: httpx.Request) -> httpx.Response:
        status, headers, body = response()
        return httpx.Response(status, headers=headers, stream=body, request=request)

    transport = httpx.MockTransport(handle)
    made: Any = httpx.Client(transport=transport) if kind == "sync" else httpx.AsyncClient(transport=transport)
    return CheckedClient(kind, "http://127.0.0.1", made, **options)
