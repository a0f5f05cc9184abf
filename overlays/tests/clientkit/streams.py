"""Both kinds of streams as one, what a client holds while they run, and callers by the real clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import anyio
import aurous

# Takes longer to load than some of these streams may last.
import aurous.transport.aiohttp_client
from aurous_mock.server.launcher import Mock
from testkit.responses import MESSAGES, MODEL

from clientkit.callers import Caller, Time
from clientkit.internals import aheld, held
from clientkit.request_members import named

FAULT = "Aurous-Mock-Fault"
# Of this request to the mock: the role, four tokens, the end.
SHORT = named(max_tokens=4)
FRAMES = 6
SLOW = {FAULT: "pace=20"}
# For servers that stop in the middle of a stream. Those who are impatient too soon, on a busy machine, learn the same.
IMPATIENT = aurous.Timeouts(idle=0.1)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Stream:
    """A stream of either client, used alike: the next chunk of one for coroutines is awaited by the caller's loop."""

    def __init__(self, caller: Caller, **options: Any) -> None:
        self._caller = caller
        arguments = {"model": MODEL, "messages": MESSAGES, **options}
        self.made: Any = caller.client.chat.completions.stream(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def __enter__(self) -> Self:
        self.call("__enter__", "__aenter__")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call("__exit__", "__aexit__", kind, error, trace)

    def __iter__(self) -> Iterator[aurous.models.ChatCompletionChunk]:
        return self.each(self.made)

    @property
    def text(self) -> Iterator[str]:
        return self.each(self.made.text)

    def recover(self, **options: Any) -> aurous.Recovery:
        recovery: aurous.Recovery = self.call("recover", "recover", **options)
        return recovery

    def cancel(self) -> aurous.models.ChatCompletion:
        record: aurous.models.ChatCompletion = self.call("cancel", "cancel")
        return record

    def close(self) -> None:
        self.call("close", "close")

    def call(self, name: str, name_if_async: str, *arguments: Any, **options: Any) -> Any:
        """What a method gives, awaited where that is to be."""
        chosen = name if self._caller.kind == "sync" else name_if_async
        return self._caller.run(lambda _: getattr(self.made, chosen)(*arguments, **options))

    def each(self, source: Any) -> Iterator[Any]:
        if self._caller.kind == "sync":
            # Not `yield from`: that would close the stream with this generator.
            for piece in source:
                yield piece
            return
        nothing = object()
        while (piece := self._caller.run(lambda _: _next(source, nothing))) is not nothing:
            yield piece


async def _next(source: Any, default: object) -> Any:
    return await anext(source, default)


def retrieve(caller: Caller, completion_id: str) -> aurous.models.ChatCompletion:
    record: aurous.models.ChatCompletion = caller.run(lambda client: client.chat.completions.retrieve(completion_id))
    return record


def charged(mock: Mock) -> Decimal:
    return sum((Decimal(str(line["credits_charged"])) for line in mock.ledger()), Decimal(0))


def connections(caller: Caller) -> list[Any]:
    """The connections that a client holds."""
    busy, idle = caller.run(held if caller.kind == "sync" else aheld)
    return [*busy, *idle]


def in_use(caller: Caller) -> list[Any]:
    """Those that a stream has not given back."""
    busy, _ = caller.run(held if caller.kind == "sync" else aheld)
    return list(busy)


class Ends(aurous.Hooks):
    """Records the reported ends of streams."""

    def __init__(self) -> None:
        self.reports: list[tuple[Any, BaseException | None]] = []

    def on_end(self, call: aurous.CallDetails, result: object | None, error: BaseException | None) -> None:
        if call.streams:
            self.reports.append((result, error))


class RealTime(Time):
    """That of everybody else, for tests of what takes time."""

    def clock(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


@contextmanager
def callers(kind: str) -> Iterator[Callable[..., Caller]]:
    """Makes callers of one kind, by the real clock."""
    with ExitStack() as stack:

        def make(url: str, **options: Any) -> Caller:
            stream_caller = Caller(kind, RealTime(), url, **options)
            stack.callback(stream_caller.close)
            return stream_caller

        yield make
