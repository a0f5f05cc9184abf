"""The streams `ChatStream` and `AsyncChatStream`: they read, and leave every decision to the controller.

Pages: api-reference/chat/streaming, api-reference/chat/cancellation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from aurous_client.models import ChatCompletion, ChatCompletionChunk, StreamWarning, Usage

from .._error_body import printable
from ..errors import AurousError
from ..types import EndReason, Receipt, Recovery, ResponseContext, context_of
from .accumulator import Accumulator, CompletionWithoutUsage
from .base import NOT_OPEN, AsyncStream, BaseStream, SyncStream
from .chat_controller import ChatController
from .chat_state import ChatState
from .context import StreamContext

if TYPE_CHECKING:
    from ..transport.async_ import AsyncTransport
    from ..transport.sync import SyncTransport


class _BaseChatStream(BaseStream[ChatController]):
    """The properties of a chat stream, for threads and for coroutines."""

    @property
    def id(self) -> str | None:
        """The completion's id; None before the first chunk."""
        return self._state.id

    @property
    def usage(self) -> Usage | None:
        """The figures of the last chunk; None before it, or if `stream_options` excluded them."""
        return self._state.record.usage if self._state.record else self._state.accumulator.usage

    @property
    def receipt(self) -> Receipt | None:
        """What the completion cost; None until that is known, which after an interruption is by `recover()`."""
        return self._state.receipt

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; None until it has."""
        record = self._state.record
        return record.choices[0].finish_reason if record and record.choices else self._state.accumulator.finish_reason

    @property
    def warnings(self) -> tuple[StreamWarning, ...]:
        """The server's warnings. Each is issued as a Python warning too, a `StreamNotice`."""
        return tuple(self._state.warnings)

    @property
    def end(self) -> EndReason | None:
        """How the stream ended; None while it has not. `finished` and `done_without_finish_reason` are whole answers;
        the others are `closed_early`, `cut`, `failed`, and `left`: closed or cancelled by the caller.
        """
        return self._state.end

    @property
    def recovery(self) -> Recovery | None:
        """What the stored record says, if it was retrieved."""
        return self._state.recovery

    @property
    def completion(self) -> ChatCompletion | CompletionWithoutUsage:
        """The whole answer, as retrieving it returns it; after a cancel or a recovery, the stored record.

        Its `usage` is None if the server sent none, which `stream_options` can ask for; `recover()` retrieves it.

        Raises AurousError before the end, and IncompleteCompletionError if there was no finish_reason.
        """
        return self._state.completion

    @property
    def snapshot(self) -> Accumulator:
        """What has arrived so far: text, tool calls, finish reason ... Raises AurousError before the stream is open."""
        if self._state.response is None:
            raise AurousError(NOT_OPEN)
        return self._state.accumulator

    @property
    def _origin(self) -> ResponseContext | None:
        """What `response_info(stream)` and `receipt(stream)` read; None before the stream is open."""
        state = self._state
        if state.response is None:
            return None
        priced = context_of(state.record) or state.usage
        # Figures in the middle of a stream are no charge yet.
        return ResponseContext(state.response.info, priced.content if priced and state.receipt else b"")

    @property
    def _state(self) -> ChatState:
        return self._controller.state

    def __repr__(self) -> str:
        return f"<{type(self).__name__} id={printable(str(self.id))} end={self.end}>"


class ChatStream(_BaseChatStream, SyncStream[ChatController], Iterator[ChatCompletionChunk]):
    """A stream of chunks, each with exactly one choice.

        with client.chat.completions.stream(model="aurous-grow-2.0-pro", messages=messages) as stream:
            for text in stream.text:
                print(text, end="")
        print(stream.completion.usage)

    Opening raises the errors of a call. Iterating raises StreamInterruptedError if the stream is interrupted, a timeout
    error if it does not continue, and the error that the server ends it with; all of them have `completion_id` and
    `text`, and are raised again by further iteration. Leaving the block early disconnects: the server cancels the
    completion, and charges the tokens generated so far.
    """

    def __init__(self, context: StreamContext, transport: SyncTransport) -> None:
        super().__init__(ChatController(context), transport)

    def __next__(self) -> ChatCompletionChunk:
        controller = self._controller
        try:
            chunk = controller.next_chunk() if controller.has_buffered else None
            while chunk is None and controller.should_read():
                chunk = controller.receive_data(controller.body.read(controller.read_timeout))
        except BaseException as error:
            self._transport.run(controller.close(error))
            raise
        if chunk is not None:
            return chunk
        if self._transport.run(controller.advance()):
            return next(self)
        raise StopIteration

    @property
    def text(self) -> Iterator[str]:
        """The answer's text in pieces."""
        return (chunk.choices[0].delta.content for chunk in self if chunk.choices[0].delta.content)

    def recover(self, *, within: float | None = None) -> Recovery:
        """Retrieve the stored record until it is final, for so many seconds. Never sends the request again.

        Disconnects first, if the stream is still open. within: by default `StreamPolicy.recover_within`

        Raises StreamInterruptedError if nothing had arrived, and the errors of a call.
        """
        return self._transport.run(self._controller.recover(within))

    def cancel(self) -> ChatCompletion:
        """Cancel the completion on the server, and disconnect. Returns its record, with what was charged.

        If it had ended before, its record is returned unchanged. Raises AurousError before the first chunk, and the
        errors of a call.
        """
        return self._transport.run(self._controller.cancel())


class AsyncChatStream(_BaseChatStream, AsyncStream[ChatController], AsyncIterator[ChatCompletionChunk]):
    """`ChatStream` for coroutines: `async with client.chat.completions.stream(...) as stream:`."""

    def __init__(self, context: StreamContext, transport: AsyncTransport) -> None:
        super().__init__(ChatController(context), transport)

    async def __anext__(self) -> ChatCompletionChunk:
        controller = self._controller
        try:
            chunk = controller.next_chunk() if controller.has_buffered else None
            while chunk is None and controller.should_read():
                chunk = controller.receive_data(await controller.body.read(controller.read_timeout))
        except BaseException as error:
            await self._transport.run(controller.close(error))
            raise
        if chunk is not None:
            return chunk
        if await self._transport.run(controller.advance()):
            return await anext(self)
        raise StopAsyncIteration

    @property
    def text(self) -> AsyncIterator[str]:
        """The answer's text in pieces."""
        return _Text(self)

    async def recover(self, *, within: float | None = None) -> Recovery:
        """As that of `ChatStream`."""
        return await self._transport.run(self._controller.recover(within))

    async def cancel(self) -> ChatCompletion:
        """As that of `ChatStream`."""
        return await self._transport.run(self._controller.cancel())


class _Text(AsyncIterator[str]):
    """The text of a stream. Not a generator, which would have to be closed when it is left early."""

    def __init__(self, chunks: AsyncIterator[ChatCompletionChunk]) -> None:
        self._chunks = chunks

    async def __anext__(self) -> str:
        while True:
            content = (await anext(self._chunks)).choices[0].delta.content
            if content:
                return content
