"""Drives flows in coroutines of asyncio or trio: sends their requests, and reads responses or hands on open streams."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx

from .._config.options import Backend
from ..errors import AurousError
from . import event_loop
from .client_factory import CLOSED, check_backend, check_http_client, make_async_client
from .convert import BodyBuffer, is_stream, make_decoder, to_raw_response
from .effects import Close, Effect, Flow, RawResponse, Read, SendRequest, Sleep, TransportFailure
from .locks import fork_safe_lock
from .shutdown import ShutdownGuard

if TYPE_CHECKING:
    from .asyncio_timeout import ReusableTimeout

# anyio and asyncio are imported where they are used, since synchronous programs need neither; `exceptions` where
# something fails, since the libraries behind it are slow to import.

T = TypeVar("T")


class AsyncHTTPResponse(Protocol):
    """A response whose body is unread."""

    status_code: int
    headers: dict[str, str]
    content_encoding: str
    is_http1: bool

    async def receive(self) -> bytes | None:
        """The next data, None at the end."""

    async def close(self, *, is_exhausted: bool) -> None:
        """Close the response, also if the task is cancelled. Its connection is reused if the body was exhausted."""

    def abandon(self, *, is_loop_closed: bool) -> None:
        """Disconnect at once, from any thread."""


class AsyncHTTPClient(Protocol):
    """A client of one of the HTTP libraries."""

    async def send(self, request: SendRequest) -> AsyncHTTPResponse:
        """Send a request, and receive the head of its response."""
        ...

    async def close(self) -> None: ...


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
        if http_client is not None:
            check_http_client(http_client, httpx.AsyncClient)
        check_backend(backend)
        self._backend: Backend = backend
        self.clock = clock
        self._sleep = sleep or event_loop.sleep
        self._user_client = http_client
        self._clients: dict[Any, AsyncHTTPClient] = {}
        self._guards: dict[Any, ShutdownGuard] = {}
        self._lock = fork_safe_lock(self)
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

    async def send(self, request: SendRequest) -> RawResponse | TransportFailure:
        """Send a request once. Raises AurousError if the client is closed; errors of the network are returned."""
        client = self.http_client()
        if event_loop.running() not in self._guards:
            await self._close_with_loop(client)
        response: AsyncHTTPResponse | None = None
        content = bytearray()
        is_exhausted = False
        limit = min(request.read, request.total) if request.streams else request.total
        try:
            async with event_loop.timeout(limit):
                response = await client.send(request)
                if is_stream(request, response.status_code, response.headers):
                    body = AsyncBody(response)
                    await body.guard.start()
                    result = to_raw_response(response, body=body)
                    response = None
                    return result
                try:
                    buffer = BodyBuffer(response.content_encoding)
                    content = buffer.content
                    while (data := await response.receive()) is not None:
                        buffer.receive_data(data)
                    is_exhausted = True
                    buffer.finish()
                    return to_raw_response(response, content)
                except TimeoutError as error:
                    # Not that of this block, which is raised outside of it.
                    from .exceptions import to_result

                    return to_result(error, request, response, content)
        except BaseException as error:
            from .exceptions import deadline_failure, to_result, truncated_result

            if isinstance(error, TimeoutError):
                return truncated_result(deadline_failure(limit, error), response, content)
            # Raises what is no failure of the network.
            return to_result(error, request, response, content)
        finally:
            if response is not None:
                await response.close(is_exhausted=is_exhausted)

    def http_client(self) -> AsyncHTTPClient:
        """The client of the running event loop, made on first use. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(CLOSED)
        # Connections belong to the loop that opened them; a forked process has new loops.
        loop = event_loop.running()
        client = self._clients.get(loop)
        if client is not None:
            return client
        with self._lock:
            if loop not in self._clients:
                self._clients = {
                    other: client for other, client in self._clients.items() if not event_loop.is_closed_loop(other)
                }
                self._clients[loop] = make_async_client(self._backend, self._user_client)
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
        if client is not None and self._user_client is None:
            await client.close()

    async def _close_with_loop(self, client: AsyncHTTPClient) -> None:
        """Close a client when the running event loop shuts down, if nobody does so before."""
        loop = event_loop.running()
        if self._user_client is not None:
            return
        self._guards = {other: guard for other, guard in self._guards.items() if not event_loop.is_closed_loop(other)}
        guard = self._guards[loop] = ShutdownGuard(client.close)
        # The guard keeps the client alive, but must not do so beyond the life of its owner.
        weakref.finalize(self, guard.trigger).atexit = False
        await guard.start()


class AsyncBody:
    """The unread body of a stream."""

    on_shutdown: Callable[[], None] | None = None
    """Called when the event loop shuts down before the body was closed."""

    def __init__(self, response: AsyncHTTPResponse) -> None:
        self._response = response
        self._decoder = make_decoder(response.content_encoding)
        self._is_exhausted = self._is_closed = False
        self._timeout: ReusableTimeout | None = None
        if event_loop.is_asyncio():
            from .asyncio_timeout import ReusableTimeout

            self._timeout = ReusableTimeout()
        self.guard = ShutdownGuard(self._close_at_shutdown)

    async def read(self, remaining: Callable[[], float]) -> bytes | TransportFailure | None:
        timeout, seconds = self._timeout, remaining()
        if timeout is None:
            return await self._read_within(seconds)
        timeout.start(seconds)
        try:
            data = await self._response.receive() if self._decoder is None else await self._decode()
            self._is_exhausted = data is None
            return data
        except BaseException as error:
            from .exceptions import FAILURES, read_timeout_failure, to_transport_failure

            if isinstance(error, FAILURES):
                return to_transport_failure(error, None)
            if not timeout.expired():
                raise
            return read_timeout_failure(seconds, error)
        finally:
            timeout.stop()

    async def _read_within(self, seconds: float) -> bytes | TransportFailure | None:
        """`read` for event loops other than asyncio's."""
        import anyio

        try:
            with anyio.fail_after(seconds):
                data = await self._response.receive() if self._decoder is None else await self._decode()
                self._is_exhausted = data is None
                return data
        except Exception as error:
            from .exceptions import FAILURES, read_timeout_failure, to_transport_failure

            if isinstance(error, TimeoutError):
                return read_timeout_failure(seconds, error)
            if not isinstance(error, FAILURES):
                raise
            return to_transport_failure(error, None)

    async def _decode(self) -> bytes | None:
        decoder = self._decoder
        assert decoder is not None
        data = b"" if decoder.has_more else await self._response.receive()
        if data is not None:
            return decoder.decode(data)
        decoder.finish()
        return None

    def abandon(self) -> None:
        """Disconnect at once without waiting, from any thread, for a body whose owner is gone."""
        if self._is_closed:
            return
        if not self._is_exhausted:
            self._response.abandon(is_loop_closed=event_loop.is_closed_loop(self.guard.loop))
        self.guard.trigger()

    async def _close_at_shutdown(self) -> None:
        if self.on_shutdown is not None:
            self.on_shutdown()
        await self.close()

    async def close(self) -> None:
        self._is_closed = True
        await self.guard.stop()
        if self._timeout is not None:
            self._timeout.close()
        await self._response.close(is_exhausted=self._is_exhausted)
