"""Both clients as one, and a clock that moves when they sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aurous
from aurous.transport.async_ import AsyncTransport
from aurous.transport.sync import SyncTransport
from testkit.responses import KEY, MESSAGES, MODEL

from clientkit.internals import set_transport

# The client for threads, and that for coroutines on either kind of connections.
KINDS: dict[str, Any] = {"sync": None, "async": "httpx", "aiohttp": "aiohttp"}
# For servers that say nothing more. What a busy machine has too late for this is for the next attempt.
IMPATIENT = aurous.Timeouts(read=0.1, first_event=0.1)


class Time:
    """A clock that moves when a client sleeps by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Caller:
    """Either client, called alike. kind: one of `KINDS`; http_client: closed with it"""

    def __init__(self, kind: str, time: Time, url: str, http_client: Any = None, **options: Any) -> None:
        self.kind = kind
        self._http_client = http_client
        options = {"retry": aurous.RetryPolicy(jitter=0), "base_url": url, "api_key": KEY, **options}
        if kind == "sync":
            self.client: Any = aurous.Aurous(http_client=http_client, **options)
            set_transport(self.client, SyncTransport(http_client, clock=time.clock, sleep=time.sleep))
        else:
            self.client = aurous.AsyncAurous(http_client=http_client, **options)
            set_transport(
                self.client, AsyncTransport(http_client, backend=KINDS[kind], clock=time.clock, sleep=time.asleep)
            )
            self.runner = asyncio.Runner()
        self._owner = self.client

    def run(self, call: Callable[[Any], Any]) -> Any:
        """What `call(client)` gives, awaited where that is to be."""
        if self.kind == "sync":
            return call(self.client)

        async def awaited() -> Any:
            return await call(self.client)

        return self.runner.run(awaited())

    def create(self, **options: Any) -> aurous.models.ChatCompletion:
        arguments = {"model": MODEL, "messages": MESSAGES, **options}
        result: aurous.models.ChatCompletion = self.run(lambda client: client.chat.completions.create(**arguments))
        return result

    def stream(self, **options: Any) -> str:
        """The text of a stream, read to its end."""
        arguments = {"model": MODEL, "messages": MESSAGES, **options}

        async def read() -> str:
            async with self.client.chat.completions.stream(**arguments) as stream:
                return "".join([text async for text in stream.text])

        if self.kind != "sync":
            return self.runner.run(read())
        with self.client.chat.completions.stream(**arguments) as stream:
            return "".join(stream.text)

    def close(self) -> None:
        # What a test puts in the client's place does not own its connections.
        self.run(lambda _: self._owner.close())
        if self.kind == "sync":
            if self._http_client is not None:
                self._http_client.close()
            return
        if self._http_client is not None:
            self.runner.run(self._http_client.aclose())
        self.runner.close()


# A fixture that makes them: of a URL and the client's options.
Make = Callable[..., Caller]
