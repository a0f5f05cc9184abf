"""Drives flows in coroutines of asyncio or trio."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from .._config.options import Backend
from ..errors import AurousError, ConfigurationError
from . import event_loop
from .client_factory import CLOSED, check_backend, make_async_client, type_name
from .effects import Close, Effect, Flow, RawResponse, Read, SendRequest, Sleep, TransportError
from .locks import ForkSafeLock
from .shutdown import ShutdownGuard

if TYPE_CHECKING:
    from .async_exchange import AsyncHTTPClient

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
        self._clients: dict[Any, AsyncHTTPClient] = {}
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
        # Imported late: the libraries behind it are slow to import.
        from .async_exchange import exchange

        client = self.http_client()
        if event_loop.running() not in self._guards:
            await self._close_with_loop(client)
        return await exchange(client, request)

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
