"""Sends from coroutines, of asyncio or trio, and reads streams in them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from .._client.options import Backend
from .._request.effects import Failure, Reply, Send, Steps, Wait
from ..errors import AurousError, ConfigurationError
from . import event_loop
from .client_factory import check_backend, make_async_client, name_of
from .convert import cut_reply, headers_of, opens_stream, plain_or, reply_of, request_of, take
from .exceptions import CLOSED, FAILURES, clean, failure_of, late, silence
from .locks import Lock
from .raw_client import AsyncDirect

if TYPE_CHECKING:
    from .timer import Alarm

# anyio, and asyncio with it, are imported where they are used: programs without coroutines need not load them.

T = TypeVar("T")


class AsyncTransport:
    """Sends from coroutines, of asyncio or trio. Safe between tasks; each event loop gets its own connections.

    backend:      whose connections to use where no client is given
    clock, sleep: as those of `SyncTransport`
    """

    def __init__(
        self,
        http_client: httpx.AsyncClient | None = None,
        *,
        backend: Backend = "auto",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise ConfigurationError(f"http_client must be an httpx.AsyncClient, not {name_of(http_client)}")
        check_backend(backend)
        self._backend: Backend = backend
        self.clock = clock
        self._sleep = sleep or event_loop.sleep
        self._given = http_client
        self._made: dict[Any, httpx.AsyncClient | AsyncDirect] = {}
        self._lock = Lock()
        self._closed = False

    async def run(self, steps: Steps[T]) -> T:
        """Carry out steps to their result."""
        came: Reply | Failure | None = None
        try:
            while True:
                step = steps.send(came)
                try:
                    came = await (self._sleep(step.seconds) if isinstance(step, Wait) else self.send(step))
                except BaseException as error:
                    steps.throw(error)
                    raise
        except StopIteration as end:
            result: T = end.value
            return result

    async def send(self, step: Send) -> Reply | Failure:
        """Send once. Raises AurousError if the client is closed, and what is no failure of the network."""
        client = self.http_client()
        response: httpx.Response | None = None
        content = bytearray()
        # What reads a stream has clocks of its own, and a connection of aiohttp one timeout for a whole response.
        limit = min(step.read, step.total) if step.streams else step.total
        try:
            async with event_loop.within(limit):
                response = await client.send(
                    request_of(client, step, read=None if step.streams else step.read),
                    stream=True,
                    follow_redirects=False,
                )
                headers = headers_of(response)
                if step.streams and opens_stream(response, headers):
                    opened, response = response, None
                    return reply_of(opened, headers, body=AsyncBody(opened))
                try:
                    async for piece in cast(AsyncIterable[bytes], plain_or(response, response.aiter_bytes)):
                        take(content, piece, math.inf)
                except FAILURES as error:
                    return cut_reply(response, content, failure_of(error, step))
                whole, response = response, None
                with contextlib.suppress(*FAILURES):
                    await whole.aclose()
                return reply_of(whole, headers, content=bytes(content))
        except TimeoutError as error:
            failure = late(limit, error)
            return failure if response is None else cut_reply(response, content, failure)
        except FAILURES as error:
            return failure_of(error, step)
        except BaseException as error:
            clean(error)
            raise
        finally:
            if response is not None:
                import anyio

                with anyio.CancelScope(shield=True):
                    await response.aclose()

    def http_client(self) -> httpx.AsyncClient | AsyncDirect:
        """The httpx client in use, made on first use in each event loop. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(CLOSED)
        if self._given is not None:
            return self._given
        # Connections belong to the loop that opened them. A forked process has loops of its own.
        loop = event_loop.running()
        with self._lock:
            if loop not in self._made:
                self._made = {other: client for other, client in self._made.items() if not event_loop.is_over(other)}
                self._made[loop] = make_async_client(self._backend)
            return self._made[loop]

    async def close(self) -> None:
        """Close the connections of this event loop, unless they are those of a client that was given."""
        with self._lock:
            made, self._made, self._closed = self._made, {}, True
        client = made.get(event_loop.running())
        if client is not None:
            await client.aclose()


class AsyncBody:
    """As `SyncBody`, for coroutines."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces = aiter(cast(AsyncIterable[bytes], plain_or(response, response.aiter_bytes)))
        self._is_over = False
        self._alarm: Alarm | None = None
        if event_loop.is_asyncio():
            from .timer import Alarm

            self._alarm = Alarm()

    async def read(self, patience: Callable[[], float]) -> bytes | Failure | None:
        alarm, seconds = self._alarm, patience()
        if alarm is None:
            return await self._read_within(seconds)
        alarm.set(seconds)
        try:
            piece = await anext(self._pieces, None)
            self._is_over = piece is None
            return piece
        except FAILURES as error:
            return failure_of(error, None)
        except BaseException as error:
            if not alarm.has_rung():
                raise
            return silence(seconds, error)
        finally:
            alarm.rest()

    async def _read_within(self, seconds: float) -> bytes | Failure | None:
        """As `read`, in any event loop."""
        import anyio

        try:
            with anyio.fail_after(seconds):
                return await anext(self._pieces, None)
        except TimeoutError as error:
            return silence(seconds, error)
        except FAILURES as error:
            return failure_of(error, None)

    async def close(self) -> None:
        if self._alarm is not None:
            self._alarm.close()
        if self._is_over:
            # There is nothing to wait for.
            await self._response.aclose()
            return
        import anyio

        with anyio.CancelScope(shield=True):
            with anyio.CancelScope() as scope, contextlib.suppress(*FAILURES, RuntimeError):
                # Cancelled where they wait, the generators of httpx clean up behind themselves, the innermost first.
                # Forsaken, they would do so when they are collected, and trio complains of that.
                scope.cancel()
                while await anext(self._pieces, None) is not None:
                    pass
            await self._response.aclose()
