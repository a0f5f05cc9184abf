"""The three kinds of client that attacks try: sync, and async on both backends, behind one blocking interface."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

from aurous import AsyncAurous, Aurous, AurousError, Timeouts
from aurous_mock.settings import DEFAULT_KEY
from testkit.sockets import free_port

from attacks.registry import Observations

KINDS: Final = ("sync", "httpx", "aiohttp")
# Seconds of a call, and those beyond it after which it has to have ended.
DEADLINE: Final = 1.0
TOLERANCE: Final = 2.0
_REQUEST: Final[dict[str, Any]] = {
    "model": "aurous-grow-2.0-pro",
    "messages": [{"role": "user", "content": "Name three colours."}],
}


@dataclass(frozen=True)
class Ended:
    """How a call ended: with a result or an error, and after how many seconds."""

    seconds: float
    result: Any = None
    error: Exception | None = None

    def __str__(self) -> str:
        how = "a result" if self.error is None else type(self.error).__name__
        return f"{how} after {self.seconds:.2f} s"


class Client:
    """A client of one kind; a context manager."""

    def __init__(self, kind: str, key: str, url: str, **options: Any) -> None:
        self.kind = kind
        self._runner = None if kind == "sync" else asyncio.Runner()
        if self._runner is None:
            self._client: Any = Aurous(key, base_url=url, **options)
        else:
            backend: Literal["httpx", "aiohttp"] = "aiohttp" if kind == "aiohttp" else "httpx"
            self._client = AsyncAurous(key, base_url=url, backend=backend, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._runner is None:
            self._client.close()
        else:
            self._runner.run(self._client.close())
            self._runner.close()

    def create(self) -> Ended:
        """Create a completion."""
        return self._timed(lambda: self._client.chat.completions.create(**_REQUEST))

    def balance(self) -> Ended:
        """Retrieve the balance."""
        return self._timed(lambda: self._client.balance.retrieve())

    def stream(self) -> Ended:
        """Read a stream to its end; the result is the list of its chunks."""
        if self._runner is None:
            return self._timed(self._read)
        return self._timed(self._read_async)

    def _timed(self, call: Any) -> Ended:
        began = time.monotonic()
        try:
            result = call()
            if self._runner is not None:
                result = self._runner.run(result)
        except Exception as error:
            return Ended(time.monotonic() - began, error=error)
        return Ended(time.monotonic() - began, result)

    def _read(self) -> list[Any]:
        with self._client.chat.completions.stream(**_REQUEST) as stream:
            return list(stream)

    async def _read_async(self) -> list[Any]:
        async with self._client.chat.completions.stream(**_REQUEST) as stream:
            return [chunk async for chunk in stream]


def check_deadline(observed: Observations, url: str) -> None:
    """Check that a call to this address ends at its deadline, with each kind of client."""
    for kind in KINDS:
        # The first call loads modules, which is not what is attacked.
        with Client(kind, DEFAULT_KEY, f"http://127.0.0.1:{free_port()}", max_retries=0) as client:
            client.balance()
        with Client(kind, DEFAULT_KEY, url, max_retries=0, timeout=Timeouts(total=DEADLINE)) as client:
            ended = client.balance()
        observed.figures[kind] = f"deadline {DEADLINE:g} s, {ended}"
        observed.check(f"{kind}: ends in an AurousError", isinstance(ended.error, AurousError), str(ended))
        observed.check_timing(f"{kind}: ends at its deadline", ended.seconds <= DEADLINE + TOLERANCE, str(ended))
