"""The clients `Aurous` and `AsyncAurous`: their options, and the start of their calls and streams.

Their methods (`chat.completions.create`, `models.list` ...) are generated: see `aurous_client.resources`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aurous_client import encoding
from aurous_client.resources import AsyncResources, Resources

from .._config import environment, rerouting
from .._config.options import FROM_ENVIRONMENT, Backend, FromEnvironment, Options, read_options
from .._config.policies import RetryPolicy, StreamPolicy, Timeouts
from .._config.secret import Secret
from .._request.retry_quota import RetryQuota
from ..transport.locks import fork_safe_lock
from ..transport.sync import SyncTransport
from .requests import AsyncRequestMethod, RequestMethod

if TYPE_CHECKING:
    from decimal import Decimal

    import httpx
    from aurous_client.operations import EventFormat, EventT, Operation, Request, Response, ResultT

    from .._config.hooks import Hooks
    from .._request.flow import RequestFlow
    from .._stream.chat_stream import AsyncChatStream, ChatStream
    from .._stream.context import StreamContext
    from .._stream.event_stream import AsyncEventStream, EventStream
    from ..billing.budget import Budget
    from ..billing.ledger import Ledger
    from ..transport.async_ import AsyncTransport

# The code of calls and streams is imported when the first one starts, so that making a client stays cheap.


def _response_format(kind: type[Any]) -> Any:
    # Needs an optional dependency.
    from ..tools.structured_output import response_format_for

    return response_format_for(kind)


encoding.class_converter = _response_format


class LazyLedger:
    """The ledger shared by clients made with `with_options()`, created on first use."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._lock = fork_safe_lock(self)
        self._ledger = ledger

    @property
    def ledger(self) -> Ledger:
        if self._ledger is None:
            from ..billing.ledger import Ledger

            with self._lock:
                if self._ledger is None:
                    self._ledger = Ledger()
        return self._ledger


class BaseClient:
    """Options, and what clients made with `with_options()` share: a transport, a ledger and a retry quota."""

    _options: Options
    _shared_ledger: LazyLedger
    _retry_quota: RetryQuota
    _transport: Any
    _owns_transport: bool

    @property
    def base_url(self) -> str:
        """The server's address, without /v1."""
        return self._options.base_url

    @property
    def api_version(self) -> str | None:
        """The `Aurous-Version` that is sent; None leaves it to the team's default."""
        return self._options.api_version

    @property
    def ledger(self) -> Ledger:
        """What the calls of this client have cost, by model. Shared by clients made with `with_options()`."""
        return self._shared_ledger.ledger

    def budget(self, credits: Decimal | str | int) -> Budget:
        """A sum that calls may spend: those of a block, `with client.budget(credits="5") as budget:`, or those of a
        client, `client.with_options(budget=client.budget(credits="5"))`.

        Once it is spent, calls raise BudgetExceededError before anything is sent. Streams count, also those that were
        cancelled or recovered. The price of a call is known only afterwards: the last one can exceed the budget.
        A block within a generator raises ConfigurationError: others run while it is suspended.
        """
        return self.ledger.budget(credits)

    def with_options(
        self,
        *,
        api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        streams: StreamPolicy | None = None,
        hooks: Sequence[Hooks] | None = None,
        budget: Budget | None = None,
    ) -> Self:
        """This client with some options changed. It is cheap: connections and ledger are shared.

        budget: what its calls may spend, wherever they are made; in addition to the budgets that there are
        """
        options = self._options.with_changes(
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            streams=streams,
            hooks=hooks,
        )
        ledger = self._shared_ledger if budget is None else LazyLedger(self.ledger.limited_by(budget))
        is_same_quota = options.retry.quota == self._options.retry.quota
        variant = object.__new__(type(self))
        variant.__dict__.update(
            _options=options,
            _shared_ledger=ledger,
            _retry_quota=self._retry_quota if is_same_quota else RetryQuota(options.retry.quota),
            _transport=self._transport,
            _owns_transport=False,
        )
        return variant

    def __repr__(self) -> str:
        # Also called on a client whose construction failed, by tools that show the variables of a traceback.
        options = self.__dict__.get("_options")
        settings = f"base_url={options.base_url!r}, api_key={options.api_key!r}" if options else ""
        return f"{type(self).__name__}({settings})"

    def __reduce__(self) -> Any:
        raise TypeError("a client holds connections and a key, and cannot be pickled; make one in each process")

    def _request_flow(self, operation: Operation[Any], request: Request, *, streams: bool = False) -> RequestFlow:
        """The flow of a call. Raises BudgetExceededError for one that would be charged, if a budget is spent."""
        from .._request.flow import RequestFlow

        if operation.charge is not None and not operation.charge.is_record:
            self._shared_ledger.ledger.check_budgets()
        options = self._options
        return RequestFlow(
            operation,
            request,
            options if rerouting.installed is None else rerouting.installed(options),
            streams=streams,
            clock=self._transport.clock,
            random=random.random,
            quota=self._retry_quota,
        )

    def _stream_context(self, operation: Operation[Any], request: Request) -> StreamContext:
        from .._stream.context import StreamContext

        options = self._options
        return StreamContext(
            options if rerouting.installed is None else rerouting.installed(options),
            self.ledger,
            request,
            clock=self._transport.clock,
            make_flow=self._request_flow,
            make_stream_flow=lambda: self._request_flow(operation, request, streams=True),
        )

    def _check_budgets(self, operation: Operation[Any]) -> None:
        """Refuse a call that may cost something, if a budget is spent."""
        if operation.idempotency_header is not None:
            self.ledger.check_budgets()


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
        self._transport = SyncTransport(http_client)
        self._shared_ledger = LazyLedger()
        self._retry_quota = RetryQuota(self._options.retry.quota)
        self._owns_transport = True

    @property
    def _caller(self) -> Self:  # type: ignore[override]
        return self

    def call(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """Call a generated operation. Raises the errors of `aurous.errors`, and EncodeError for invalid arguments."""
        flow = self._request_flow(operation, request)
        return self._transport.run(flow.for_caller(self._shared_ledger.ledger))

    def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """As `call`, for an operation that is not generated: what it costs is read from the response."""
        self._check_budgets(operation)
        response = self.call(operation, request)
        self.ledger.enter_usage(operation, response)
        return response

    def stream(self, operation: Operation[Any], request: Request) -> ChatStream:
        """A stream of a generated operation's events, opened by `with` or by iterating."""
        from .._stream.chat_stream import ChatStream

        return ChatStream(self._stream_context(operation, request), self._transport)

    def stream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> EventStream[EventT]:
        """A stream of a generated operation's typed events, opened by `with` or by iterating."""
        from .._stream.event_stream import EventStream

        return EventStream(self._stream_context(operation, request), operation, events, self._transport)

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
        flow = self._request_flow(operation, request)
        return await self._transport.run(flow.for_caller(self._shared_ledger.ledger))

    async def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """As `acall`, for an operation that is not generated: what it costs is read from the response."""
        self._check_budgets(operation)
        response = await self.acall(operation, request)
        self.ledger.enter_usage(operation, response)
        return response

    def astream(self, operation: Operation[Any], request: Request) -> AsyncChatStream:
        """A stream of a generated operation's events; opened by `async with` or by iterating."""
        from .._stream.chat_stream import AsyncChatStream

        return AsyncChatStream(self._stream_context(operation, request), self._transport)

    def astream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> AsyncEventStream[EventT]:
        """A stream of a generated operation's typed events, opened by `async with` or by iterating."""
        from .._stream.event_stream import AsyncEventStream

        return AsyncEventStream(self._stream_context(operation, request), operation, events, self._transport)

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
