"""Sends from coroutines, of asyncio or trio, and reads streams in them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from .._config.options import Backend
from ..errors import AurousError, ConfigurationError
from . import event_loop
from .client_factory import check_backend, make_async_client, name_of
from .convert import cut_reply, headers_of, opens_stream, plain_or, reply_of, request_of, take
from .effects import Close, Effect, Flow, RawResponse, Read, SendRequest, Sleep, TransportError
from .exceptions import CLOSED, FAILURES, clean, failure_of, late, silence
from .locks import ForkSafeLock
from .raw_client import AsyncDirect
from .shutdown import Abandonable, ShutdownGuard, shut_down

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
        self._lock = ForkSafeLock()
        self._closed = False

    async def run(self, flow: Flow[T]) -> T:
        """Carry out the effects of a flow, to its result."""
        try:
            effect = next(flow)
            while True:
                try:
                    result = await self._perform(effect)
                except BaseException as error:
                    # The flow cleans up, and tells the hooks of the error.
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value

    async def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, SendRequest):
            return await self.send(effect)
        if isinstance(effect, Sleep):
            return await self._sleep(effect.seconds)
        if isinstance(effect, Read):
            return await effect.body.read(effect.remaining)
        if isinstance(effect, Close):
            return await effect.body.close()
        import anyio

        with anyio.CancelScope(shield=True):
            return await self.run(effect.flow)

    async def send(self, request: SendRequest) -> RawResponse | TransportError:
        """SendRequest once. Raises AurousError if the client is closed, and what is no failure of the network."""
        client = self.http_client()
        response: httpx.Response | None = None
        content = bytearray()
        # What reads a stream has clocks of its own, and a connection of aiohttp one timeout for a whole response.
        limit = min(request.read, request.total) if request.streams else request.total
        try:
            async with event_loop.within(limit):
                response = await client.send(
                    request_of(client, request, read=None if request.streams else request.read),
                    stream=True,
                    follow_redirects=False,
                )
                headers = headers_of(response)
                if request.streams and opens_stream(response, headers):
                    opened, response = response, None
                    body = AsyncBody(opened)
                    await body.guard.start()
                    return reply_of(opened, headers, body=body)
                try:
                    async for piece in cast(AsyncIterable[bytes], plain_or(response, response.aiter_bytes)):
                        take(content, piece, math.inf)
                except FAILURES as error:
                    return cut_reply(response, content, failure_of(error, request))
                whole, response = response, None
                with contextlib.suppress(*FAILURES):
                    await whole.aclose()
                return reply_of(whole, headers, content=bytes(content))
        except TimeoutError as error:
            failure = late(limit, error)
            return failure if response is None else cut_reply(response, content, failure)
        except FAILURES as error:
            return failure_of(error, request)
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

    on_shutdown: Callable[[], None] | None = None
    """Called when the event loop shuts down before the body was closed."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces = aiter(cast(AsyncIterable[bytes], plain_or(response, response.aiter_bytes)))
        self._is_over = self._is_closed = False
        self._alarm: Alarm | None = None
        if event_loop.is_asyncio():
            from .timer import Alarm

            self._alarm = Alarm()
        self.guard = ShutdownGuard(self._close_at_shutdown)

    async def read(self, patience: Callable[[], float]) -> bytes | TransportError | None:
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

    async def _read_within(self, seconds: float) -> bytes | TransportError | None:
        """As `read`, in any event loop."""
        import anyio

        try:
            with anyio.fail_after(seconds):
                return await anext(self._pieces, None)
        except TimeoutError as error:
            return silence(seconds, error)
        except FAILURES as error:
            return failure_of(error, None)

    def abandon(self) -> None:
        """Disconnect at once without waiting, from any thread, for a body whose owner is gone."""
        if self._is_closed:
            return
        # The connections of HTTP/2 carry other streams as well.
        if not self._is_over and self._response.http_version.startswith("HTTP/1"):
            shut_down(self._response.extensions.get("network_stream"))
        self.guard.trigger()
        if event_loop.is_over(self.guard.loop) and isinstance(self._response.stream, Abandonable):
            self._response.stream.abandon()

    async def _close_at_shutdown(self) -> None:
        if self.on_shutdown is not None:
            self.on_shutdown()
        await self.close()

    async def close(self) -> None:
        self._is_closed = True
        await self.guard.stop()
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
