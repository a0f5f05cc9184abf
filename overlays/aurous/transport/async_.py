"""Drives flows in coroutines of asyncio or trio."""

from __future__ import annotations

import contextlib
import math
import time
import weakref
from collections.abc import AsyncIterable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from .._config.options import Backend
from ..errors import AurousError, ConfigurationError
from . import event_loop
from .client_factory import check_backend, make_async_client, type_name
from .convert import (
    build_request,
    is_event_stream,
    merge_headers,
    raw_or_decoded,
    receive_data,
    refused_response,
    to_raw_response,
    truncated_response,
)
from .effects import Close, Effect, Flow, RawResponse, Read, SendRequest, Sleep, TransportError
from .exceptions import CLOSED, FAILURES, deadline_error, read_timeout_error, scrub, to_transport_error
from .locks import ForkSafeLock
from .raw_client import AsyncRawClient
from .shutdown import Abandonable, ShutdownGuard, shut_down

if TYPE_CHECKING:
    from .asyncio_timeout import ReusableTimeout

# anyio and asyncio are imported where they are used, since synchronous programs need neither.

T = TypeVar("T")


class AsyncTransport:
    """Drives flows in coroutines. Safe to share between tasks and event loops; each loop has its own connections.

    backend:      the library to connect with, without `http_client`
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
            raise ConfigurationError(f"http_client must be an httpx.AsyncClient, not {type_name(http_client)}")
        check_backend(backend)
        self._backend: Backend = backend
        self.clock = clock
        self._sleep = sleep or event_loop.sleep
        self._user_client = http_client
        self._clients: dict[Any, httpx.AsyncClient | AsyncRawClient] = {}
        self._guards: dict[Any, ShutdownGuard] = {}
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
        """Send a request once. Raises AurousError if the client is closed; errors of the network are returned."""
        client = self.http_client()
        if event_loop.running() not in self._guards:
            await self._close_with_loop(client)
        response: httpx.Response | None = None
        content = bytearray()
        # Streams have timeouts of their own, while aiohttp has one read timeout for a whole response.
        limit = min(request.read, request.total) if request.streams else request.total
        try:
            async with event_loop.timeout(limit):
                response = await client.send(
                    build_request(client, request, read=None if request.streams else request.read),
                    stream=True,
                    follow_redirects=False,
                )
                headers = merge_headers(response)
                if request.streams and is_event_stream(response, headers):
                    opened, response = response, None
                    body = AsyncBody(opened)
                    await body.guard.start()
                    return to_raw_response(opened, headers, body=body)
                try:
                    async for data in cast(AsyncIterable[bytes], raw_or_decoded(response, response.aiter_bytes)):
                        receive_data(content, data, math.inf)
                except FAILURES as error:
                    return truncated_response(response, content, to_transport_error(error, request))
                whole, response = response, None
                with contextlib.suppress(*FAILURES):
                    await whole.aclose()
                return to_raw_response(whole, headers, content=bytes(content))
        except TimeoutError as error:
            failure = deadline_error(limit, error)
            return failure if response is None else truncated_response(response, content, failure)
        except FAILURES as error:
            return to_transport_error(error, request)
        except httpx.HTTPStatusError as error:
            return refused_response(error)
        except BaseException as error:
            scrub(error)
            raise
        finally:
            if response is not None:
                import anyio

                with anyio.CancelScope(shield=True):
                    await response.aclose()

    def http_client(self) -> httpx.AsyncClient | AsyncRawClient:
        """The client of the running event loop, made on first use. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(CLOSED)
        if self._user_client is not None:
            return self._user_client
        # Connections belong to the loop that opened them; a forked process has new loops.
        loop = event_loop.running()
        with self._lock:
            if loop not in self._clients:
                self._clients = {
                    other: client for other, client in self._clients.items() if not event_loop.is_closed_loop(other)
                }
                self._clients[loop] = make_async_client(self._backend)
            return self._clients[loop]

    async def close(self) -> None:
        """Close the connections of this event loop, except those of the user's own client, and refuse further calls.

        Those of other loops are closed when their loops shut down.
        """
        self._closed = True
        await self.close_connections()

    async def close_connections(self) -> None:
        """Close the connections of this event loop, except those of the user's own client."""
        loop = event_loop.running()
        with self._lock:
            client, guard = self._clients.pop(loop, None), self._guards.pop(loop, None)
        if guard is not None:
            await guard.stop()
        if client is not None:
            await client.aclose()

    async def _close_with_loop(self, client: httpx.AsyncClient | AsyncRawClient) -> None:
        """Close a client when the running event loop shuts down, if nobody does so before."""
        loop = event_loop.running()
        if self._user_client is not None:
            return
        self._guards = {other: guard for other, guard in self._guards.items() if not event_loop.is_closed_loop(other)}
        guard = self._guards[loop] = ShutdownGuard(client.aclose)
        # The guard keeps the client alive, but must not do so beyond the life of its owner.
        weakref.finalize(self, guard.trigger).atexit = False
        await guard.start()


class AsyncBody:
    """The asynchronous `SyncBody`."""

    on_shutdown: Callable[[], None] | None = None
    """Called when the event loop shuts down before the body was closed."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks = aiter(cast(AsyncIterable[bytes], raw_or_decoded(response, response.aiter_bytes)))
        self._is_exhausted = self._is_closed = False
        self._timeout: ReusableTimeout | None = None
        if event_loop.is_asyncio():
            from .asyncio_timeout import ReusableTimeout

            self._timeout = ReusableTimeout()
        self.guard = ShutdownGuard(self._close_at_shutdown)

    async def read(self, remaining: Callable[[], float]) -> bytes | TransportError | None:
        timeout, seconds = self._timeout, remaining()
        if timeout is None:
            return await self._read_within(seconds)
        timeout.start(seconds)
        try:
            data = await anext(self._chunks, None)
            self._is_exhausted = data is None
            return data
        except FAILURES as error:
            return to_transport_error(error, None)
        except BaseException as error:
            if not timeout.expired():
                raise
            return read_timeout_error(seconds, error)
        finally:
            timeout.stop()

    async def _read_within(self, seconds: float) -> bytes | TransportError | None:
        """`read` for event loops other than asyncio's."""
        import anyio

        try:
            with anyio.fail_after(seconds):
                return await anext(self._chunks, None)
        except TimeoutError as error:
            return read_timeout_error(seconds, error)
        except FAILURES as error:
            return to_transport_error(error, None)

    def abandon(self) -> None:
        """Disconnect at once without waiting, from any thread, for a body whose owner is gone."""
        if self._is_closed:
            return
        # The connections of HTTP/2 carry other streams as well.
        if not self._is_exhausted and self._response.http_version.startswith("HTTP/1"):
            shut_down(self._response.extensions.get("network_stream"))
        self.guard.trigger()
        if event_loop.is_closed_loop(self.guard.loop) and isinstance(self._response.stream, Abandonable):
            self._response.stream.abandon()

    async def _close_at_shutdown(self) -> None:
        if self.on_shutdown is not None:
            self.on_shutdown()
        await self.close()

    async def close(self) -> None:
        self._is_closed = True
        await self.guard.stop()
        if self._timeout is not None:
            self._timeout.close()
        if self._is_exhausted:
            # Nothing to wait for.
            await self._response.aclose()
            return
        import anyio

        with anyio.CancelScope(shield=True):
            with anyio.CancelScope() as scope, contextlib.suppress(*FAILURES, RuntimeError):
                # Cancellation makes httpx's generators clean up, the innermost first. Otherwise they would when they
                # are garbage-collected, which trio warns of.
                scope.cancel()
                while await anext(self._chunks, None) is not None:
                    pass
            await self._response.aclose()
