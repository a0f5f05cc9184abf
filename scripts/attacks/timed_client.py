"""Calls of every kind of client, each with its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aurous import AurousError, Timeouts
from client_kinds import KINDS, REQUEST, BlockingClient
from testkit.sockets import free_port

from attacks.registry import Observations

# Seconds of a call, and those beyond it after which it has to have ended.
DEADLINE: Final = 1.0
TOLERANCE: Final = 2.0


@dataclass(frozen=True)
class CallEnd:
    """How a call ended: with a result or an error, and after how many seconds."""

    seconds: float
    result: Any = None
    error: Exception | None = None

    def __str__(self) -> str:
        how = "a result" if self.error is None else type(self.error).__name__
        return f"{how} after {self.seconds:.2f} s"


class TimedClient(BlockingClient):
    """A client that returns how a call ended, and raises none of its errors."""

    def create(self) -> CallEnd:
        """Create a completion."""
        return _timed(lambda: self.call(lambda client: client.chat.completions.create(**REQUEST)))

    def balance(self) -> CallEnd:
        """Retrieve the balance."""
        return _timed(lambda: self.call(lambda client: client.balance.retrieve()))

    def stream(self) -> CallEnd:
        """Read a stream to its end; the result is the list of its chunks."""
        chunks: list[Any] = []

        def read() -> list[Any]:
            self.read_stream(chunks.append)
            return chunks

        return _timed(read)


def _timed(call: Callable[[], Any]) -> CallEnd:
    began = time.monotonic()
    try:
        result = call()
    except Exception as error:
        return CallEnd(time.monotonic() - began, error=error)
    return CallEnd(time.monotonic() - began, result)


def check_deadline(observed: Observations, url: str) -> None:
    """Check that a call to this address ends at its deadline, with each kind of client."""
    for kind in KINDS:
        # The first call loads modules, which is not what is attacked.
        with TimedClient(kind, base_url=f"http://127.0.0.1:{free_port()}", max_retries=0) as client:
            client.balance()
        with TimedClient(kind, base_url=url, max_retries=0, timeout=Timeouts(total=DEADLINE)) as client:
            call_end = client.balance()
        observed.figures[kind] = f"deadline {DEADLINE:g} s, {call_end}"
        observed.check(f"{kind}: ends in an AurousError", isinstance(call_end.error, AurousError), str(call_end))
        observed.check_timing(f"{kind}: ends at its deadline", call_end.seconds <= DEADLINE + TOLERANCE, str(call_end))
