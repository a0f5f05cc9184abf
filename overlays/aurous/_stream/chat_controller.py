"""The life of one chat stream, in the order of this module: opened, read, ended, and perhaps recovered.

Sans-I/O: `chat_stream` has the reading loops. The parser's events change the `ChatState`, the controller acts on it. No
flow is suspended while the caller handles a chunk, so none can be abandoned half-way.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any
from weakref import WeakMethod

from aurous_client.models import ChatCompletion, ChatCompletionChunk

from .._config.hooks import logger
from .._error_body import printable
from .._request.flow import StreamResponse
from .._request.response import warn_of_deprecation
from ..errors import APIResponseValidationError, AurousError, StreamInterruptedError, TotalTimeoutError
from ..transport.effects import Close, Flow, Shield, TransportFailure
from ..types import Recovery, is_deprecated
from .chat_state import ChatState
from .chunk_parser import ChunkParser, StreamEvent
from .context import StreamContext
from .recovery import StoredRecord
from .timeouts import DRAIN, StreamTimeouts, discard, drain, open_stream


class ChatController:
    """Opens a stream, takes in what is read, and brings it to its end.

    To get the next chunk: `next_chunk`, if `has_buffered`; while there is none and `should_read`, read from `body` for
    at most `read_timeout()` seconds and pass the result to `receive_data`; then run `advance`.
    """

    def __init__(self, context: StreamContext) -> None:
        policy, on_disconnect = context.options.streams, context.request.on_disconnect
        self._context = context
        self._clock = context.clock
        self._policy = policy if on_disconnect is None else replace(policy, on_disconnect=on_disconnect)
        self._timeout_options = context.options.timeout.changed_by(context.request.timeout)
        self._parser: ChunkParser
        self._timeouts: StreamTimeouts
        self.state = ChatState(context.options.api_key.redact)
        self.body: Any = None
        """None before the stream is open."""
        self.has_buffered = False
        """Whether `next_chunk` may return one."""

    @property
    def response(self) -> StreamResponse | None:
        """None before the stream is open."""
        return self.state.response

    @property
    def is_open(self) -> bool:
        """Whether the stream was opened and has not ended."""
        return self.state.response is not None and self.state.end is None

    # Opening

    def open(self) -> Flow[None]:
        """Send the request: once, however often this is called, and however it ends."""
        state = self.state
        if state.response is not None:
            return
        if state.error is not None:
            raise state.error
        flow = self._context.make_stream_flow()
        state.start(flow, self._context)
        response: StreamResponse | None = None
        try:
            response = yield from open_stream(flow, self._timeout_options, self._clock)
            self._begin(response)
        except BaseException as error:
            state.error = error if isinstance(error, AurousError) else AurousError("the stream was not opened")
            if isinstance(error, APIResponseValidationError):
                state.settle_completion_in(error)
            if response is not None and state.response is None:
                yield from discard(response, flow, error)
            raise
        try:
            if is_deprecated(response.info.headers):
                warn_of_deprecation(response.info.headers)
        except Warning as error:
            # A filter made it an error, so the block of the stream will never be entered, nor left.
            yield from self.close(error)
            raise

    def _begin(self, response: StreamResponse) -> None:
        options = self._context.options
        sent = self._clock() - response.info.attempts[-1].elapsed
        self._timeouts = StreamTimeouts(self._timeout_options, sent=sent, deadline=response.deadline, clock=self._clock)
        self._parser = ChunkParser(
            response.info, max_event_size=options.streams.max_event_size, redact=options.api_key.redact
        )
        self.body = response.body
        self.body.on_shutdown = WeakMethod(self.abandon)
        self.state.begin(response)

    # Reading

    def next_chunk(self) -> ChatCompletionChunk | None:
        """The next chunk of what was received, if there is one."""
        state = self.state
        if state.is_reading:
            return self._take(self._parser.next_event())
        chunk, state.continuation = state.continuation, None
        self.has_buffered = False
        return chunk

    def should_read(self) -> bool:
        """Whether to read on; if not, run `advance`."""
        state = self.state
        return state.is_reading and not state.is_done and self._timeouts.may_read()

    def read_timeout(self) -> float:
        """Seconds that a read may wait. Call it when the read starts to wait, not for data that has arrived."""
        seconds = self._timeouts.read_timeout()
        return seconds if seconds < DRAIN or not self.state.needs_nothing else DRAIN

    def receive_data(self, piece: bytes | TransportFailure | None) -> ChatCompletionChunk | None:
        """The first chunk of what was read, if there is one. piece: None at the body's end"""
        if isinstance(piece, bytes):
            return self._take(self._parser.receive_data(piece))
        self.state.stop(None if piece is None else piece.redacted(self._context.options.api_key))
        return None

    def _take(self, event: StreamEvent | None) -> ChatCompletionChunk | None:
        """The first chunk from this event on."""
        state, parser = self.state, self._parser
        try:
            while event is not None:
                self._timeouts.has_new_event = True
                chunk = state.apply(event)
                if not state.is_in_ledger:
                    state.begin_charge()
                if state.new_warnings:
                    state.issue_warnings()
                if chunk is not None:
                    self.has_buffered = parser.has_buffered
                    return chunk
                event = parser.next_event()
        except AurousError as error:
            state.stop(error)
        self.has_buffered = False
        return None

    def _take_buffered(self) -> None:
        """Take in what was received and not delivered: the receipt may be in it."""
        self.state.delivered = self.state.accumulator.choice
        self._apply_all(self._parser.next_event())

    def _apply_all(self, event: StreamEvent | None) -> None:
        with suppress(AurousError):
            while event is not None:
                self.state.apply(event)
                event = self._parser.next_event()

    # Ending

    def advance(self) -> Flow[bool]:
        """Open the stream, or handle its end. False at the end; raises what it ended with, each time."""
        state = self.state
        if state.response is None:
            yield from self.open()
            return True
        if state.end is not None:
            if state.error is not None:
                raise state.error
            if state.end == "left" and state.record is None:
                raise AurousError("the stream was closed before its end")
            return False
        try:
            yield from self._end_reading()
        except AurousError as error:
            state.error, state.end = error, state.end or "failed"
            yield from self._finalize(error)
            error.receipt = state.receipt
            raise
        except BaseException as error:
            yield from self.close(error)
            raise
        return self.has_buffered

    def _end_reading(self) -> Flow[None]:
        """Handle the end of reading. An incomplete stream raises an error, or continues from its record."""
        state = self.state
        if isinstance(state.stopped_by, AurousError):
            raise state.stopped_by
        if state.accumulator.finished:
            state.end = "finished"
            yield from self._drain()
            yield from self._finalize(None)
            return
        error = state.unfinished() if state.is_done else state.interruption(self._timeouts)
        state.end = "cut" if error.end == "cut" else "closed_early"
        if state.is_done:
            state.end = state.complete_end
            yield from self._drain()
        yield Close(self.body)
        # After the total timeout there is no time left to recover in.
        if self._policy.on_disconnect == "raise" or state.id is None or isinstance(error, TotalTimeoutError):
            raise error
        yield from self._continue_from_record(error)

    def _drain(self) -> Flow[None]:
        yield from drain(self.body, self._clock, lambda piece: self._apply_all(self._parser.receive_data(piece)))

    def _finalize(self, error: BaseException | None) -> Flow[None]:
        """Disconnect, enter the receipt or that it is unsettled, and report the end to the hooks."""
        self.state.is_reading = False
        yield Close(self.body)
        self.state.settle_and_report(error)

    # Leaving early

    def close(self, error: BaseException | None = None) -> Flow[None]:
        """Disconnect, whatever the stream's state. error: what the caller failed with, if so"""
        state = self.state
        if state.response is None:
            state.error = state.error or AurousError("the stream was closed before it was opened")
        elif not state.is_closed:
            try:
                if state.end is None:
                    yield from self._leave()
            finally:
                state.end = state.end or "left"
                yield from self._finalize(error)

    def _leave(self) -> Flow[None]:
        """The caller stops early. What was received may be the whole answer all the same."""
        state = self.state
        self._take_buffered()
        if state.is_complete:
            state.end = state.complete_end
            yield from self._drain()
            return
        state.end = "left"
        if state.id is not None and self._policy.on_early_close == "cancel":
            try:
                yield Shield(self._stored_record().cancel(state.id))
            except AurousError as error:
                logger.warning("cancelling %s failed: %s", printable(state.id), error)

    def abandon(self) -> None:
        """Disconnect without waiting, from any thread: the stream is being collected, or its event loop shuts down."""
        state = self.state
        if state.response is None or state.is_closed:
            return
        if state.end is None:
            self._take_buffered()
            state.end = state.complete_end if state.is_complete else "left"
        state.is_reading = False
        self.body.abandon()
        state.settle_and_report(None)

    # The stored record

    def cancel(self) -> Flow[ChatCompletion]:
        """Cancel the completion on the server, and disconnect. Returns its record."""
        state = self.state
        if state.id is None:
            raise AurousError("there is no chunk yet, so there is no id to cancel by; close() disconnects")
        record = yield from self._stored_record().cancel(state.id)
        if state.end is None:
            self._take_buffered()
            yield from self._drain()
            state.end = "left"
        yield from self.close()
        return record

    def recover(self, within: float | None) -> Flow[Recovery]:
        """Disconnect, and retrieve the record until it is final, for so many seconds."""
        yield from self.close()
        if self.state.id is None:
            message = "there is no chunk, so there is no id to retrieve by"
            raise StreamInterruptedError(message, completion_id=None, text="", end=self.state.end or "left")
        within = self._policy.recover_within if within is None else within
        return (yield from self._stored_record().recover(within))

    def _continue_from_record(self, error: StreamInterruptedError) -> Flow[None]:
        """Deliver what the record has beyond the stream as one more chunk. error: what interrupted the stream"""
        state = self.state
        yield from self._stored_record().complete(
            error, within=self._policy.recover_within, error_of_record=self._parser.error_of_record
        )
        yield from self._finalize(state.error)
        if state.error is not None:
            state.error.receipt = state.receipt
        if state.continuation is not None:
            self.has_buffered = True
        elif state.error is not None:
            raise state.error

    def _stored_record(self) -> StoredRecord:
        return StoredRecord(self._context, self.state, self._timeout_options)
