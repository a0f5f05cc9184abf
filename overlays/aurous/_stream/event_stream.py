"""The streams of typed events, `EventStream` and `AsyncEventStream`: of every operation that streams, but chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from aurous_client.operations import EventFormat, EventT, Operation

from ..types import Receipt, ResponseContext
from .base import AsyncStream, BaseStream, SyncStream
from .context import StreamContext
from .event_controller import EventController
from .event_parser import Nothing

if TYPE_CHECKING:
    from ..transport.async_ import AsyncTransport
    from ..transport.sync import SyncTransport


class _BaseEventStream(BaseStream[EventController[EventT]]):
    """The properties of a stream of typed events, for threads and for coroutines."""

    @property
    def receipt(self) -> Receipt | None:
        """What the stream cost, once it has ended; None if no event had a price."""
        return self._controller.receipt

    @property
    def _origin(self) -> ResponseContext | None:
        return self._controller.origin


class EventStream(_BaseEventStream[EventT], SyncStream[EventController[EventT]], Iterator[EventT]):
    """The events of an operation, each parsed into the class that the spec gives it.

        with client.things.stream(...) as events:
            for event in events:
                ...

    Opening raises the errors of a call, and is retried like one. Iterating raises StreamInterruptedError if the stream
    is interrupted, a timeout error if it does not continue, the error that the server ends it with, and
    APIResponseValidationError for an invalid event; further iteration raises the same. Leaving the block disconnects.
    """

    def __init__(
        self,
        context: StreamContext,
        operation: Operation[Any],
        events: EventFormat[EventT],
        transport: SyncTransport,
    ) -> None:
        super().__init__(EventController(context, operation, events), transport)

    def __next__(self) -> EventT:
        event = self._transport.run(self._controller.next_event())
        if isinstance(event, Nothing):
            raise StopIteration
        return event


class AsyncEventStream(_BaseEventStream[EventT], AsyncStream[EventController[EventT]], AsyncIterator[EventT]):
    """`EventStream` for coroutines: `async with client.things.stream(...) as events:`."""

    def __init__(
        self,
        context: StreamContext,
        operation: Operation[Any],
        events: EventFormat[EventT],
        transport: AsyncTransport,
    ) -> None:
        super().__init__(EventController(context, operation, events), transport)

    async def __anext__(self) -> EventT:
        event = await self._transport.run(self._controller.next_event())
        if isinstance(event, Nothing):
            raise StopAsyncIteration
        return event
