"""The life of one stream of typed events: opened, read, ended, and charged. Sans-I/O: `event_stream` drives its flows.

For a chat stream, which can be recovered and assembled to a completion, see `chat_controller`.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import Any, Final, Generic
from weakref import WeakMethod

from aurous_client.operations import EventFormat, EventT, Operation

from .._request.flow import RequestFlow, StreamResponse
from .._request.response import warn_of_deprecation
from ..billing.receipts import receipt_in
from ..errors import AurousError, StreamInterruptedError
from ..transport.effects import Close, Flow, Read, TransportFailure
from ..types import Receipt, ResponseContext, is_deprecated
from .context import StreamContext
from .event_parser import NOTHING, EventParser, Nothing
from .timeouts import StreamTimeouts, discard, drain, open_stream

_CLOSED: Final = "the stream was closed before its end"


class EventController(Generic[EventT]):
    """Opens a stream, parses its events, and brings it to its end, once, however it ends."""

    def __init__(self, context: StreamContext, operation: Operation[Any], events: EventFormat[EventT]) -> None:
        self._context = context
        self._operation = operation
        self._events = events
        self._timeout_options = context.options.timeout.changed_by(context.request.timeout)
        self._parser: EventParser[EventT]
        self._timeouts: StreamTimeouts
        self._flow: RequestFlow
        # Charges count for the budgets that were active when the stream was opened, wherever it is read.
        self._opened_in: Context
        self._priced = b""
        self._error: AurousError | None = None
        self._body_has_ended = False
        self.response: StreamResponse | None = None
        """None before the stream is open."""
        self.is_closed = False
        self._is_settled = False
        self.receipt: Receipt | None = None

    @property
    def is_open(self) -> bool:
        """Whether the stream was opened and has not ended."""
        return self.response is not None and not self.is_closed

    @property
    def origin(self) -> ResponseContext | None:
        """What `response_info` and `receipt` read; None before the stream is open."""
        if self.response is None:
            return None
        return ResponseContext(self.response.info, self._priced or b"{}", self._operation)

    def open(self) -> Flow[None]:
        """Send the request: once, however often this is called, and however it ends."""
        if self.response is not None:
            return
        if self._error is not None:
            raise self._error
        response: StreamResponse | None = None
        try:
            self._flow, self._opened_in = self._context.make_stream_flow(), copy_context()
            response = yield from open_stream(self._flow, self._timeout_options, self._context.clock, events=0)
            self._begin(response)
        except BaseException as error:
            self._error = error if isinstance(error, AurousError) else AurousError("the stream was not opened")
            if response is not None and self.response is None:
                yield from discard(response, self._flow, error)
            raise
        try:
            if is_deprecated(response.info.headers):
                warn_of_deprecation(response.info.headers)
        except Warning:
            # A filter made it an error, so the block of the stream will never be entered, nor left.
            yield from self.close()
            raise

    def _begin(self, response: StreamResponse) -> None:
        clock, options, info = self._context.clock, self._context.options, response.info
        sent = clock() - info.attempts[-1].elapsed
        self._timeouts = StreamTimeouts(self._timeout_options, sent=sent, deadline=response.deadline, clock=clock)
        self._parser = EventParser(
            self._events, info, max_event_size=options.streams.max_event_size, redact=options.api_key.redact
        )
        response.body.on_shutdown = WeakMethod(self.abandon)
        self.response = response

    def next_event(self) -> Flow[EventT | Nothing]:
        """The next event; NOTHING at the end. Raises what the stream ended with, each time."""
        yield from self.open()
        if self.is_closed:
            if self._error is not None:
                raise self._error
            return NOTHING
        try:
            event = yield from self._read_event()
        except BaseException as error:
            self._error = error if isinstance(error, AurousError) else AurousError(_CLOSED)
            yield from self._finalize(error)
            raise
        if event is NOTHING:
            if not self._body_has_ended:
                yield from drain(self._body, self._context.clock, lambda _: None)
            yield from self._finalize(None)
        return event

    def close(self, error: BaseException | None = None) -> Flow[None]:
        """Disconnect, whatever the stream's state. error: what the caller failed with, if so"""
        if self.response is None:
            self._error = self._error or AurousError("the stream was closed before it was opened")
        elif not self.is_closed:
            self._error = AurousError(_CLOSED)
            yield from self._finalize(error)

    def abandon(self) -> None:
        """Disconnect without waiting, from any thread: the stream is being collected, or its event loop shuts down."""
        if self.response is not None and not self.is_closed:
            self._error = AurousError(_CLOSED)
            self.response.body.abandon()
            self._settle_and_report(None)

    def _read_event(self) -> Flow[EventT | Nothing]:
        parser, body = self._parser, self._body
        while True:
            event = parser.next_event()
            if event is not NOTHING:
                self._note_price()
                self._timeouts.has_new_event = True
                return event
            if parser.is_done:
                return NOTHING
            if self._body_has_ended:
                if self._events.terminator is not None:
                    raise self._interruption(None)
                return NOTHING
            if not self._timeouts.may_read():
                raise self._interruption(None)
            piece = yield Read(body, self._timeouts.read_timeout)
            if isinstance(piece, TransportFailure):
                raise self._interruption(piece.redacted(self._context.options.api_key))
            if piece is not None:
                parser.receive_data(piece)
                continue
            self._body_has_ended = True
            if not parser.finish():
                raise self._interruption(None)

    @property
    def _body(self) -> Any:
        return None if self.response is None else self.response.body

    def _note_price(self) -> None:
        charge = self._operation.charge
        if charge is not None and receipt_in(self._parser.data, self._operation).has_amount:
            self._priced = self._parser.data

    def _interruption(self, failure: TransportFailure | None) -> StreamInterruptedError:
        return self._timeouts.interruption(failure, completion_id=None, text="", events=self._parser.count)

    def _finalize(self, error: BaseException | None) -> Flow[None]:
        """Disconnect, enter the charge, and report the end to the hooks."""
        try:
            yield Close(self._body)
        finally:
            self._settle_and_report(error)

    def _settle_and_report(self, error: BaseException | None) -> None:
        charge, response = self._operation.charge, self.response
        if self.is_closed or response is None:
            return
        if charge is not None and not self._is_settled:
            self._is_settled = True
            content = self._priced or self._parser.data
            entry = receipt_in(content, self._operation, replayed=response.info.is_charged_before)
            if entry.has_amount:
                self.receipt = entry
            if entry.has_amount or not charge.is_record:
                self._opened_in.run(self._context.ledger.enter, charge, entry, response.info.headers)
        self._flow.report_end(None, error)
        # Last, so that a stream whose report is interrupted reports again when it is collected.
        self.is_closed = True
