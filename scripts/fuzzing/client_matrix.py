"""Every kind of client behind one interface, with short timeouts: sync, and async on both backends.

Without a network, responses come from a function.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import httpx
from aurous import AsyncAurous, Aurous, AurousError, StreamPolicy, Timeouts
from aurous._config.options import Backend
from aurous_client.types import JsonObject
from aurous_mock.settings import DEFAULT_KEY
from testkit.responses import MODEL

KINDS: Final = ("sync", "httpx", "aiohttp")
READ_TIMEOUT: Final = 0.4
DEADLINE: Final = 1.5
# Seconds that a busy machine may take to notice that a deadline has passed.
TOLERANCE: Final = 3.0
_REQUEST: Final[dict[str, Any]] = {"model": MODEL, "messages": [{"role": "user", "content": "Name three colours."}]}


class MisbehaviorError(AssertionError):
    """A client broke its contract."""


class Client:
    """A client of one of `KINDS`, without retries."""

    def __init__(self, kind: str, url: str, http_client: Any = None, *, max_event_size: int | None = None) -> None:
        self.kind = kind
        settings: dict[str, Any] = {
            "base_url": url,
            "max_retries": 0,
            "http_client": http_client,
            "timeout": Timeouts(
                connect=5.0, read=READ_TIMEOUT, write=5.0, total=DEADLINE, first_event=READ_TIMEOUT, idle=READ_TIMEOUT
            ),
            "streams": StreamPolicy(max_event_size=max_event_size),
        }
        self._runner = None if kind == "sync" else asyncio.Runner()
        if self._runner is None:
            self._client: Any = Aurous(DEFAULT_KEY, **settings)
        else:
            backend: Backend = "aiohttp" if kind == "aiohttp" else "httpx"
            self._client = AsyncAurous(DEFAULT_KEY, backend=backend, **settings)

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

    def close(self) -> None:
        if self._runner is None:
            self._client.close()
        else:
            self._runner.run(self._client.close())
            self._runner.close()

    def _ask(self, operation: str) -> str:
        if self._runner is None:
            if operation == "stream":
                with self._client.chat.completions.stream(**_REQUEST) as stream:
                    _check_all(stream)
                return str(stream.end)
            return _checked(_CALLS[operation](self._client))
        return self._runner.run(self._ask_async(operation))

    async def _ask_async(self, operation: str) -> str:
        if operation == "stream":
            async with self._client.chat.completions.stream(**_REQUEST) as stream:
                _check_all([chunk async for chunk in stream])
            return str(stream.end)
        return _checked(await _CALLS[operation](self._client))


_CALLS: Final[dict[str, Callable[[Any], Any]]] = {
    "create": lambda client: client.chat.completions.create(**_REQUEST),
    "retrieve": lambda client: client.chat.completions.retrieve("cmp_1"),
    "cancel": lambda client: client.chat.completions.cancel("cmp_1"),
    "models": lambda client: client.models.list(),
    "balance": lambda client: client.balance.retrieve(),
}


def _check_all(chunks: Iterable[Any]) -> None:
    for chunk in chunks:
        _checked(chunk)
        if len(chunk.choices) != 1:
            raise MisbehaviorError(f"a chunk has {len(chunk.choices)} choices")


def _checked(result: object) -> str:
    """Check that a result is a valid model."""
    kind: Any = type(result)
    if not isinstance(result, JsonObject) or kind.from_dict(result.to_dict()) != result:
        raise MisbehaviorError(f"{result!r} is not a valid result")
    return "a result"


def in_process(kind: str, response: Callable[[], tuple[int, Any, Any]], **options: Any) -> Client:
    """A client without a network. response: gives status, headers and body, as httpx takes them"""

    def handle(request: httpx.Request) -> httpx.Response:
        status, headers, body = response()
        return httpx.Response(status, headers=headers, stream=body, request=request)

    transport = httpx.MockTransport(handle)
    made: Any = httpx.Client(transport=transport) if kind == "sync" else httpx.AsyncClient(transport=transport)
    return Client(kind, "http://127.0.0.1", made, **options)
