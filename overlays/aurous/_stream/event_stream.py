"""The streams of typed events, `EventStream` and `AsyncEventStream`: of every operation that streams, but chat."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

from aurous_client.operations import EventFormat, EventT, Operation

from ..errors import AurousError
from ..types import Receipt, ResponseContext, ResponseInfo
from .context import StreamContext
from .event_controller import EventController
from .event_parser import Nothing

if TYPE_CHECKING:
    from ..transport.async_ import AsyncTransport
    from ..transport.sync import SyncTransport


class _BaseEventStream(Generic[EventT]):
    """The properties of both kinds, for threads and for coroutines."""

    _BLOCK: ClassVar[str]
    _controller: EventController[EventT]

    @property
    def response_info(self) -> ResponseInfo:
        """Request id, applied version, rate limits. Raises AurousError before the stream is open."""
        if self._controller.response is None:
            raise AurousError("the stream is not open yet; use it in a with block, or iterate over it")
        return self._controller.response.info

    @property
    def receipt(self) -> Receipt | None:
        """What the stream cost, once it has ended; None if no event had a price."""
        return self._controller.receipt

    @property
    def _origin(self) -> ResponseContext | None:
        return self._controller.origin

    def __del__(self) -> None:
        controller: EventController[EventT] | None = getattr(self, "_controller", None)
        if controller is not None and controller.response is not None and not controller.is_closed:
            message = f"{self!r} was not closed; use it in a block: {self._BLOCK} client...stream(...) as stream:"
            controller.abandon()
            warnings.warn(message, ResourceWarning, stacklevel=1, source=self)


class EventStream(_BaseEventStream[EventT], Iterator[EventT]):
    """The events of an operation, each parsed into the class that the spec gives it.

        with client.things.stream(...) as events:
            for event in events:
                ...

    Opening raises the errors of a call, and is retried like one. Iterating raises StreamInterruptedError if the stream
    is interrupted, a timeout error if it does not continue, the error that the server ends it with, and
    APIResponseValidationError for an invalid event; further iteration raises the same. Leaving the block disconnects.
    """

    _BLOCK = "with"

    def __init__(
        self,
        context: StreamContext,
        operation: Operation[Any],
        events: EventFormat[EventT],
        transport: SyncTransport,
    ) -> None:
        self._controller = EventController(context, operation, events)
        self._transport = transport

    def __enter__(self) -> Self:
        self._transport.run(self._controller.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.run(self._controller.close(error))

    def __next__(self) -> EventT:
        event = self._transport.run(self._controller.advance())
        if isinstance(event, Nothing):
            raise StopIteration
        return event

    def close(self) -> None:
        """Disconnect."""
        self._transport.run(self._controller.close())


class AsyncEventStream(_BaseEventStream[EventT], AsyncIterator[EventT]):
    """`EventStream` for coroutines: `async with client.things.stream(...) as events:`."""

    _BLOCK = "async with"

    def __init__(
        self,
        context: StreamContext,
        operation: Operation[Any],
        events: EventFormat[EventT],
        transport: AsyncTransport,
    ) -> None:
        self._controller = EventController(context, operation, events)
        self._transport = transport

    async def __aenter__(self) -> Self:
        await self._transport.run(self._controller.open())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.run(self._controller.close(error))

    async def __anext__(self) -> EventT:
        event = await self._transport.run(self._controller.advance())
        if isinstance(event, Nothing):
            raise StopAsyncIteration
        return event

    async def close(self) -> None:
        """Disconnect."""
        await self._transport.run(self._controller.close())
