"""Drives flows in coroutines of asyncio or trio: sends their requests, and reads responses or hands on open streams."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import httpx

from .._config.options import Backend
from ..errors import AurousError
from .async_body import AsyncBody
from .client_factory import check_backend, check_http_client, make_async_client
from .convert import BodyBuffer, is_stream, to_raw_response
from .effects import Close, Effect, Flow, RawResponse, Read, SendRequest, Sleep, TransportFailure
from .interfaces import CLOSED, AsyncHTTPClient, AsyncHTTPResponse
from .locks import fork_safe_lock
from .shutdown import ShutdownGuard, is_closed_loop

# anyio and trio are imported where they are used; `exceptions` where something fails, since the libraries behind it are
# slow to import.

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
        if http_client is not None:
            check_http_client(http_client, httpx.AsyncClient)
        check_backend(backend)
        self._backend: Backend = backend
        self.clock = clock
        self._sleep = sleep or _sleep
        self.user_client = http_client
        """The user's own, which is never closed here. None: the environment says how to connect."""
        self._clients: dict[Any, AsyncHTTPClient] = {}
        self._guards: dict[Any, ShutdownGuard] = {}
        # The guards keep the clients alive, but must not do so beyond the life of their owner.
        weakref.finalize(self, _trigger_all, self._guards).atexit = False
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
                    # The flow cleans up, and reports the error to the hooks.
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
        client, loop = self.http_client(), running_loop()
        if loop not in self._guards:
            await self._close_with_loop(loop, client)
        response: AsyncHTTPResponse | None = None
        content = bytearray()
        is_exhausted = False
        limit = min(request.read, request.total) if request.streams else request.total
        try:
            async with _timeout(loop, limit):
                response = await client.send(request)
                if is_stream(request, response.status_code, response.headers):
                    body = AsyncBody(response, loop)
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
            # The result has a copy of the body, and tracebacks keep this frame.
            data = None
            content.clear()
            if response is not None:
                await response.close(is_exhausted=is_exhausted)

    def http_client(self) -> AsyncHTTPClient:
        """The client of the running event loop, made on first use. Raises AurousError if closed."""
        if self._closed:
            raise AurousError(CLOSED)
        # Connections belong to the loop that opened them; a forked process has new loops.
        loop = running_loop()
        client = self._clients.get(loop)
        if client is not None:
            return client
        with self._lock:
            if loop not in self._clients:
                self._clients = {other: client for other, client in self._clients.items() if not is_closed_loop(other)}
                self._clients[loop] = make_async_client(
                    self._backend, self.user_client, is_asyncio=isinstance(loop, asyncio.AbstractEventLoop)
                )
            return self._clients[loop]

    async def close(self) -> None:
        """Close the connections of this event loop, except those of the user's own client, and refuse further calls.

        Those of other loops are closed when their loops shut down.
        """
        self._closed = True
        await self.close_connections()

    async def close_connections(self) -> None:
        """Close the connections of this event loop, except those of the user's own client."""
        loop = running_loop()
        with self._lock:
            client, guard = self._clients.pop(loop, None), self._guards.pop(loop, None)
        if guard is not None:
            await guard.stop()
        if client is not None and self.user_client is None:
            await client.close()

    async def _close_with_loop(self, loop: Any, client: AsyncHTTPClient) -> None:
        """Close a client when its event loop shuts down, if nobody does so before."""
        if self.user_client is not None:
            return
        for other in list(self._guards):
            if is_closed_loop(other):
                self._guards.pop(other, None)
        guard = self._guards[loop] = ShutdownGuard(loop, client.close)
        await guard.start()


def _trigger_all(guards: dict[Any, ShutdownGuard]) -> None:
    for guard in list(guards.values()):
        guard.trigger()


def running_loop() -> Any:
    """The running event loop of asyncio, or what identifies that of trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()


def _timeout(loop: Any, seconds: float) -> AbstractAsyncContextManager[object]:
    """Raises TimeoutError if a block takes longer."""
    # anyio's does the same, and costs several times as much.
    return asyncio.timeout(seconds) if isinstance(loop, asyncio.AbstractEventLoop) else _trio_timeout(seconds)


@asynccontextmanager
async def _trio_timeout(seconds: float) -> AsyncIterator[None]:
    import anyio

    with anyio.fail_after(seconds):
        yield


async def _sleep(seconds: float) -> None:
    import anyio

    await anyio.sleep(seconds)
