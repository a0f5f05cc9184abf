"""The clients `Aurous` and `AsyncAurous`.

Their methods (`chat.completions.create`, `models.list` ...) are generated: see `aurous_client.resources`.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aurous_client.resources import AsyncResources, Resources

from .._config import environment
from .._config.options import FROM_ENVIRONMENT, Backend, FromEnvironment, read_options
from .._config.policies import RetryPolicy, StreamPolicy, Timeouts
from .._config.secret import Secret
from .._request.retry_quota import RetryQuota
from ..transport.sync import SyncTransport
from .base import BaseClient, LazyLedger, refuse_httpx2
from .requests import AsyncRequestMethod, RequestMethod

if TYPE_CHECKING:
    import httpx
    from aurous_client.operations import EventFormat, EventT, Operation, Request, Response, ResultT

    from .._config.hooks import Hooks
    from .._stream.events import AsyncEventStream, EventStream
    from .._stream.stream import AsyncChatStream, ChatStream
    from ..transport.async_ import AsyncTransport


class Aurous(BaseClient, RequestMethod, Resources["ChatStream"]):
    """The client: `Aurous().chat.completions.create(model=..., messages=[...])`.

    Make one for the process and share it: it is thread-safe and fork-safe. Close it with `with` or `close()`.

    api_key:     the key; else the environment variable AUROUS_API_KEY
    base_url:    where to send to, with or without /v1; else AUROUS_BASE_URL, else the production server
    api_version: the `Aurous-Version` to send; else AUROUS_API_VERSION, else the one this package was generated from;
                 None leaves it to the team's default
    timeout:     `Timeouts`, or seconds for one attempt; `Timeouts(total=...)` bounds the whole call
    max_retries: attempts after the first; `retry` sets the rest of the policy
    streams:     what a stream does when it is interrupted or left early
    http_client: an httpx.Client of your own, which you close yourself. Its timeout is not used: `timeout` applies. Its
                 limits, proxies, certificates and event hooks are
    hooks:       observers of calls, see `aurous.Hooks`

    Raises ConfigurationError for invalid settings.
    """

    _transport: SyncTransport

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        streams: StreamPolicy | None = None,
        http_client: httpx.Client | None = None,
        hooks: Sequence[Hooks] = (),
    ) -> None:
        # Error trackers collect local variables; none of them may be the plain key.
        secret, api_key = Secret.of(api_key), None
        self._options = read_options(
            api_key=secret,
            base_url=base_url,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            streams=streams,
            hooks=hooks,
        )
        if http_client is None:
            environment.check(self._options.base_url)
        else:
            refuse_httpx2(http_client)
        self._transport = SyncTransport(http_client)
        self._shared_ledger = LazyLedger()
        self._retry_quota = RetryQuota(self._options.retry.quota)
        self._owns_transport = True

    @property
    def _caller(self) -> Self:  # type: ignore[override]
        return self

    def call(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """Call a generated operation. Raises the errors of `aurous.errors`, and EncodeError for invalid arguments."""
        with self._record_unparsed(operation):
            response: Response[ResultT] = self._transport.run(self._request_flow(operation, request).for_result())
        return self._settle(operation, response)

    def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """As `call`, for an operation that is not generated: what it costs is read from the response."""
        self._check_budgets(operation)
        return self._enter_cost(operation, self.call(operation, request))

    def stream(self, operation: Operation[Any], request: Request) -> ChatStream:
        """A stream of a generated operation's events, opened by `with` or by iterating."""
        from .._stream.stream import ChatStream

        return ChatStream(self._stream_context(operation, request), self._transport)

    def stream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> EventStream[EventT]:
        """A stream of a generated operation's typed events, opened by `with` or by iterating."""
        from .._stream.events import EventStream

        return EventStream(self._stream_context(operation, request), operation, events, self._enter, self._transport)

    def close(self) -> None:
        """Close the connections, except those of your own `http_client`."""
        if self._owns_transport:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncAurous(BaseClient, AsyncRequestMethod, AsyncResources["AsyncChatStream"]):
    """The client for asyncio: `await AsyncAurous().chat.completions.create(...)`. Arguments as those of `Aurous`.

    Make one for the process and share it between tasks. Close it with `async with` or `await client.close()`. It can be
    used in several event loops, one after the other or at once: see `close_connections`.

    http_client: an httpx.AsyncClient of your own, which you close yourself. Its timeout is not used: `timeout` applies
    backend:     the connections to use without `http_client`: those of `httpx`; those of `aiohttp`, an extra, which
                 carry many tasks at a fraction of the cost; `auto` is `aiohttp` if it is installed, the loop is
                 asyncio's, and the environment names no proxy for `base_url`
    """

    _transport: AsyncTransport

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        streams: StreamPolicy | None = None,
        http_client: httpx.AsyncClient | None = None,
        backend: Backend = "auto",
        hooks: Sequence[Hooks] = (),
    ) -> None:
        # Error trackers collect local variables; none of them may be the plain key.
        secret, api_key = Secret.of(api_key), None
        self._options = read_options(
            api_key=secret,
            base_url=base_url,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            streams=streams,
            hooks=hooks,
        )
        if http_client is None:
            environment.check(self._options.base_url)
        else:
            refuse_httpx2(http_client)
        from ..transport.async_ import AsyncTransport

        self._transport = AsyncTransport(http_client, backend=backend)
        self._shared_ledger = LazyLedger()
        self._retry_quota = RetryQuota(self._options.retry.quota)
        self._owns_transport = True

    @property
    def _caller(self) -> Self:  # type: ignore[override]
        return self

    async def acall(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """Call a generated operation. Raises the errors of `aurous.errors`, and EncodeError for invalid arguments."""
        with self._record_unparsed(operation):
            flow = self._request_flow(operation, request).for_result()
            response: Response[ResultT] = await self._transport.run(flow)
        return self._settle(operation, response)

    async def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """As `acall`, for an operation that is not generated: what it costs is read from the response."""
        self._check_budgets(operation)
        return self._enter_cost(operation, await self.acall(operation, request))

    def astream(self, operation: Operation[Any], request: Request) -> AsyncChatStream:
        """A stream of a generated operation's events; opened by `async with` or by iterating."""
        from .._stream.stream import AsyncChatStream

        return AsyncChatStream(self._stream_context(operation, request), self._transport)

    def astream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> AsyncEventStream[EventT]:
        """A stream of a generated operation's typed events, opened by `async with` or by iterating."""
        from .._stream.events import AsyncEventStream

        context = self._stream_context(operation, request)
        return AsyncEventStream(context, operation, events, self._enter, self._transport)

    async def close(self) -> None:
        """Close the connections, except those of your own `http_client`."""
        if self._owns_transport:
            await self._transport.close()

    async def close_connections(self) -> None:
        """Close the connections of the running event loop, except those of your own `http_client`.

        The client remains usable. A client that is used in several event loops has connections in each of them. They
        are closed when their loop shuts down, as `asyncio.run` makes it do; call this where a loop is closed without.
        """
        if self._owns_transport:
            await self._transport.close_connections()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
