"""`ChatStream` and `AsyncChatStream`: shells that wait, in threads and in coroutines. What happens is in `flow`.

Pages: api-reference/chat/streaming, api-reference/chat/cancellation.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aurous_client.models import ChatCompletion, ChatCompletionChunk, StreamWarning, Usage

from .._request.response_info import ResponseInfo
from ..billing.receipts import Receipt
from ..errors import AurousError
from .accumulator import Accumulator
from .controller import Flow, Link
from .effects import Carry, Moves, Read
from .parser import End
from .recovery import Recovery

if TYPE_CHECKING:
    from ..transport.async_ import AsyncTransport
    from ..transport.sync import SyncTransport

T = TypeVar("T")

_UNOPENED = "the stream is not open yet; use it in a with block, or iterate over it"


class _Stream:
    """What can be known of a stream, however it is waited for."""

    def __init__(self, link: Link, transport: SyncTransport | AsyncTransport) -> None:
        self._flow = Flow(link, transport.clock)

    @property
    def id(self) -> str | None:
        """The completion's id, from the first chunk on; None before."""
        return self._flow.reader.id if self._flow.reader else None

    @property
    def usage(self) -> Usage | None:
        """The figures of the last chunk; None before it, and where `stream_options` asked for none."""
        if self._record is not None:
            return self._record.usage
        return self._flow.reader.accumulator.usage if self._flow.reader else None

    @property
    def receipt(self) -> Receipt | None:
        """What the completion cost; None until that is known, which after a break is by `recover()`."""
        return self._flow.account.receipt if self._flow.account else None

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; None until it has."""
        if self._record is not None and self._record.choices:
            return self._record.choices[0].finish_reason
        return self._flow.reader.accumulator.finish_reason if self._flow.reader else None

    @property
    def warnings(self) -> tuple[StreamWarning, ...]:
        """What the server warned of. Each is a Python warning too, a `StreamNotice`."""
        return tuple(self._flow.reader.warnings) if self._flow.reader else ()

    @property
    def end(self) -> End | None:
        """How the stream ended; None while it has not. One of `finished`, `done_without_finish_reason`, which are whole
        answers; `closed_early`, `cut`, `failed`; and `left`, which is the caller's doing.
        """
        return self._flow.end

    @property
    def recovery(self) -> Recovery | None:
        """What the stored record said, where it was asked for."""
        return self._flow.recovery

    @property
    def response_info(self) -> ResponseInfo:
        """What the stream came with: request id, version, rate limits. Raises AurousError before it is open."""
        if self._flow.opened is None:
            raise AurousError(_UNOPENED)
        return self._flow.opened.info

    @property
    def completion(self) -> ChatCompletion:
        """The whole answer, as retrieving it gives it; of a cancelled or recovered stream, its stored record.

        Raises AurousError before the end, and IncompleteCompletionError where no usage came, which a completion must
        have: `stream_options` can ask to leave it out. `recover()` gets the record in either case.
        """
        return self._flow.completion

    @property
    def snapshot(self) -> Accumulator:
        """What has arrived so far: text, tool calls, finish reason ... Raises AurousError before the stream is open."""
        if self._flow.reader is None:
            raise AurousError(_UNOPENED)
        return self._flow.reader.accumulator

    @property
    def _record(self) -> ChatCompletion | None:
        return self._flow.account.record if self._flow.account else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} id={self.id} end={self.end}>"

    def __del__(self) -> None:
        # Not by `__dict__`: making that anew would keep what is being collected for one more collection.
        flow: Flow | None = getattr(self, "_flow", None)
        if flow is not None and flow.reader is not None and flow.end is None:
            warnings.warn(
                f"{self!r} was not closed; use it in a with block", ResourceWarning, stacklevel=1, source=self
            )


class ChatStream(_Stream, Iterator[ChatCompletionChunk]):
    """A stream of chunks, each with exactly one choice.

        with client.chat.completions.stream(model="aurous-grow-2.0-pro", messages=messages) as stream:
            for text in stream.text:
                print(text, end="")
        print(stream.completion.usage)

    Opening raises the errors of a call. Iterating raises StreamInterruptedError where the stream breaks off, one of
    its timeouts where it does not go on, and the error of its code where the server ends it with one; all of them carry
    `completion_id` and `text`, and are raised again if it is iterated over again. Leaving the block early hangs up: the
    server cancels, and charges what it had made.
    """

    def __init__(self, link: Link, transport: SyncTransport) -> None:
        super().__init__(link, transport)
        self._transport = transport

    def __enter__(self) -> Self:
        self._run(self._flow.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._flow.leave(error))

    def __next__(self) -> ChatCompletionChunk:
        flow = self._flow
        intake = flow.intake
        try:
            chunk = intake.next() if intake.has_more else None
            while chunk is None and intake.reads_on():
                chunk = intake.take(flow.body.read(intake.patience))
        except BaseException as error:
            self._run(flow.leave(error))
            raise
        if chunk is not None:
            return chunk
        if self._run(flow.turn()):
            return next(self)
        raise StopIteration

    @property
    def text(self) -> Iterator[str]:
        """The answer's text, piece by piece."""
        return (chunk.choices[0].delta.content for chunk in self if chunk.choices[0].delta.content)

    def recover(self, *, within: float | None = None) -> Recovery:
        """Ask for the stored record until it is final, for so many seconds. Never sends the request again.

        Hangs up first, if the stream is still open. within: by default `StreamPolicy.recover_within`.

        Raises StreamInterruptedError where nothing had arrived, and the errors of a call.
        """
        return self._run(self._flow.recover(within))

    def cancel(self) -> ChatCompletion:
        """Cancel the completion on the server and hang up. Returns its record, with what was charged.

        The record of one that had ended before is returned as it is. Raises AurousError before the first chunk, and
        the errors of a call.
        """
        return self._run(self._flow.cancel())

    def close(self) -> None:
        """Hang up. Where the answer is not complete, the server cancels it and charges what it had made."""
        self._run(self._flow.leave())

    def _run(self, moves: Moves[T]) -> T:
        try:
            move = next(moves)
            while True:
                try:
                    came = self._carry_out(move)
                except BaseException as error:
                    move = moves.throw(error)
                else:
                    move = moves.send(came)
        except StopIteration as end:
            result: T = end.value
            return result

    def _carry_out(self, move: object) -> Any:
        if isinstance(move, Carry):
            return self._transport.run(move.steps)
        body = self._flow.body
        return body.read(move.patience) if isinstance(move, Read) else body.close()


class AsyncChatStream(_Stream, AsyncIterator[ChatCompletionChunk]):
    """As `ChatStream`, for coroutines: `async with client.chat.completions.stream(...) as stream:`."""

    def __init__(self, link: Link, transport: AsyncTransport) -> None:
        super().__init__(link, transport)
        self._transport = transport

    async def __aenter__(self) -> Self:
        await self._run(self._flow.open())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._run(self._flow.leave(error))

    async def __anext__(self) -> ChatCompletionChunk:
        flow = self._flow
        intake = flow.intake
        try:
            chunk = intake.next() if intake.has_more else None
            while chunk is None and intake.reads_on():
                chunk = intake.take(await flow.body.read(intake.patience))
        except BaseException as error:
            await self._run(flow.leave(error))
            raise
        if chunk is not None:
            return chunk
        if await self._run(flow.turn()):
            return await anext(self)
        raise StopAsyncIteration

    @property
    def text(self) -> AsyncIterator[str]:
        """The answer's text, piece by piece."""
        return _Text(self)

    async def recover(self, *, within: float | None = None) -> Recovery:
        """As that of `ChatStream`."""
        return await self._run(self._flow.recover(within))

    async def cancel(self) -> ChatCompletion:
        """As that of `ChatStream`."""
        return await self._run(self._flow.cancel())

    async def close(self) -> None:
        """As that of `ChatStream`."""
        await self._run(self._flow.leave())

    async def _run(self, moves: Moves[T]) -> T:
        try:
            move = next(moves)
            while True:
                try:
                    came = await self._carry_out(move)
                except BaseException as error:
                    move = moves.throw(error)
                else:
                    move = moves.send(came)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _carry_out(self, move: object) -> Any:
        if isinstance(move, Carry):
            return await (self._shielded(move) if move.is_shielded else self._transport.run(move.steps))
        body = self._flow.body
        return await (body.read(move.patience) if isinstance(move, Read) else body.close())

    async def _shielded(self, move: Carry) -> Any:
        import anyio

        with anyio.CancelScope(shield=True):
            return await self._transport.run(move.steps)


class _Text(AsyncIterator[str]):
    """The text of a stream. No generator: one that is left early would have to be closed."""

    def __init__(self, chunks: AsyncIterator[ChatCompletionChunk]) -> None:
        self._chunks = chunks

    async def __anext__(self) -> str:
        while True:
            content = (await anext(self._chunks)).choices[0].delta.content
            if content:
                return content
