"""The kinds of client behind one blocking interface: sync, and async on both backends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from aurous import AsyncAurous, Aurous
from aurous_mock.settings import DEFAULT_KEY
from testkit.responses import MESSAGES, MODEL

KINDS: Final = ("sync", "httpx", "aiohttp")
REQUEST: Final[dict[str, Any]] = {"model": MODEL, "messages": MESSAGES}


class BlockingClient:
    """A client of one of `KINDS`; a context manager. options: of `Aurous` and `AsyncAurous`"""

    def __init__(self, kind: str, key: str = DEFAULT_KEY, **options: Any) -> None:
        self.kind = kind
        self._runner = None if kind == "sync" else asyncio.Runner()
        if self._runner is None:
            self._client: Any = Aurous(key, **options)
        else:
            self._client = AsyncAurous(key, backend="aiohttp" if kind == "aiohttp" else "httpx", **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.call(lambda client: client.close())
        if self._runner is not None:
            self._runner.close()

    def call(self, operation: Callable[[Any], Any]) -> Any:
        """The result of an operation, which is given the client."""
        result = operation(self._client)
        return result if self._runner is None else self._runner.run(result)

    def read_stream(self, on_chunk: Callable[[Any], object]) -> str:
        """Read a stream of `REQUEST` to its end, and say how it ended."""
        read = _read if self._runner is None else _read_async
        return str(self.call(lambda client: read(client, on_chunk)))


def _read(client: Any, on_chunk: Callable[[Any], object]) -> Any:
    with client.chat.completions.stream(**REQUEST) as stream:
        for chunk in stream:
            on_chunk(chunk)
    return stream.end


async def _read_async(client: Any, on_chunk: Callable[[Any], object]) -> Any:
    async with client.chat.completions.stream(**REQUEST) as stream:
        async for chunk in stream:
            on_chunk(chunk)
    return stream.end
