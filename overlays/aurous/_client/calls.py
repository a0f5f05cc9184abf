"""The start of a client's calls and streams: their flows, and the transport that runs them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Self

from aurous_client.resources import AsyncResources, Resources

from .._config import rerouting
from ..errors import APIResponseValidationError
from ..transport.locks import fork_safe_lock
from .raw_request import AsyncRequestMethod, RequestMethod

if TYPE_CHECKING:
    from aurous_client.operations import EventFormat, EventT, Operation, Request, Response, ResultT

    from .._config.options import Options
    from .._request.flow import RequestFlow
    from .._request.retry_quota import RetryQuota
    from .._stream.chat_stream import AsyncChatStream, ChatStream
    from .._stream.context import StreamContext
    from .._stream.event_stream import AsyncEventStream, EventStream
    from ..billing.ledger import Ledger
    from ..transport.async_ import AsyncTransport
    from ..transport.sync import SyncTransport

# The code of calls and streams is imported when the first one starts, so that making a client stays cheap.


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


class BaseCalls:
    """What calls and streams need of a client: its options, and what clients made with `with_options()` share."""

    _options: Options
    _shared_ledger: LazyLedger
    _retry_quota: RetryQuota
    _transport: Any
    _owns_transport: bool

    @property
    def ledger(self) -> Ledger:
        """What the calls of this client have cost, by model. Shared by clients made with `with_options()`."""
        return self._shared_ledger.ledger

    def _effective_options(self) -> Options:
        """The options of this client, or those of a test that reroutes all clients."""
        return self._options if rerouting.installed is None else rerouting.installed(self._options)

    def _request_flow(self, operation: Operation[Any], request: Request, *, streams: bool = False) -> RequestFlow:
        """The flow of a call. Raises BudgetExceededError for one that would be charged, if a budget is spent."""
        from .._request.flow import RequestFlow

        if operation.charge is not None and not operation.charge.is_record:
            self._shared_ledger.ledger.check_budgets()
        return RequestFlow(
            operation,
            request,
            self._effective_options(),
            streams=streams,
            clock=self._transport.clock,
            random=random.random,
            quota=self._retry_quota,
        )

    def _stream_context(self, operation: Operation[Any], request: Request) -> StreamContext:
        from .._stream.context import StreamContext

        return StreamContext(
            self._effective_options(),
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


class Calls(BaseCalls, RequestMethod, Resources["ChatStream"]):
    """The calls and streams of `Aurous`."""

    _transport: SyncTransport

    @property
    def _caller(self) -> Self:  # type: ignore[override]
        return self

    def call(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """Call a generated operation. Raises the errors of `aurous.errors`, and EncodeError for invalid arguments."""
        flow = self._request_flow(operation, request)
        response = self._transport.run(flow.for_caller(self._shared_ledger.ledger))
        if operation.paging is not None:
            from .paging import SyncPageSource

            SyncPageSource(operation, request, self).attach(response)
        return response

    def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """As `call`, for an operation that is not generated: what it costs is read from the response."""
        self._check_budgets(operation)
        try:
            response = self.call(operation, request)
        except APIResponseValidationError as error:
            self.ledger.enter_unlisted(operation, error)
            raise
        self.ledger.enter_unlisted(operation, response)
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


class AsyncCalls(BaseCalls, AsyncRequestMethod, AsyncResources["AsyncChatStream"]):
    """The calls and streams of `AsyncAurous`."""

    _transport: AsyncTransport

    @property
    def _caller(self) -> Self:  # type: ignore[override]
        return self

    async def acall(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """Call a generated operation. Raises the errors of `aurous.errors`, and EncodeError for invalid arguments."""
        flow = self._request_flow(operation, request)
        response = await self._transport.run(flow.for_caller(self._shared_ledger.ledger))
        if operation.paging is not None:
            from .paging import AsyncPageSource

            AsyncPageSource(operation, request, self).attach(response)
        return response

    async def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]:
        """As `acall`, for an operation that is not generated: what it costs is read from the response."""
        self._check_budgets(operation)
        try:
            response = await self.acall(operation, request)
        except APIResponseValidationError as error:
            self.ledger.enter_unlisted(operation, error)
            raise
        self.ledger.enter_unlisted(operation, response)
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
