"""`ChatStream` and `AsyncChatStream`: typed chunks, three clocks, a proven end, recovery. Knows no bytes and no httpx.

Pages: api-reference/chat/streaming, api-reference/chat/cancellation.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Final, Self

from attrs import frozen
from aurous_client.models import ChatCompletion, ChatCompletionChunk, StreamWarning, Usage
from aurous_client.types import Operation, Request

from . import recovery
from .answers import Origin, ResponseInfo, attach
from .calls import Course, Failure, Opened, Steps
from .chunks import Accumulator
from .errors import (
    AurousError,
    FirstEventTimeoutError,
    IdleTimeoutError,
    StreamInterruptedError,
    StreamTimeoutError,
    TotalTimeoutError,
)
from .frames import End, Reader
from .options import Options
from .receipts import Ledger, Receipt
from .recovery import Recovery
from .transport import AsyncTransport, SyncTransport

logger = logging.getLogger("aurous")

# Seconds to wait for the last bytes after the end, which make the connection usable again.
_DRAIN: Final = 0.25


@frozen
class Link:
    """What a stream needs of the client that opens it."""

    options: Options
    ledger: Ledger
    make_course: Callable[[Operation[Any], Request], Course]
    make_stream_course: Callable[[], Course]


class _Watch:
    """The three clocks of a stream: to the first event, from event to event, and to the end."""

    def __init__(self, opened: Opened, options: Options) -> None:
        self._timeouts = options.timeout
        self._deadline = opened.deadline
        self._limit = opened.began + options.timeout.first_event
        self._kind: type[StreamTimeoutError] = FirstEventTimeoutError

    def patience(self) -> float:
        """Seconds that the next read may take."""
        return max(min(self._limit, self._deadline) - time.monotonic(), 0.001)

    def restart(self) -> None:
        """An event came, and was dealt with."""
        self._limit = time.monotonic() + self._timeouts.idle
        self._kind = IdleTimeoutError

    def lapsed(self) -> type[StreamTimeoutError] | None:
        """The error of the clock that has run out, if one has."""
        now = time.monotonic()
        if now >= self._deadline:
            return TotalTimeoutError
        return self._kind if now >= self._limit else None


class _Stream:
    """What both streams are; what they do not share is how they wait."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._course: Course | None = None
        self._opened: Opened | None = None
        self._reader: Reader | None = None
        self._recovery: Recovery | None = None
        self._end: End | None = None
        self._is_told = False

    @property
    def id(self) -> str | None:
        """The completion's id, from the first chunk on; None before."""
        return self._reader.id if self._reader else None

    @property
    def usage(self) -> Usage | None:
        """The figures of the last chunk; None before it, and where `stream_options` asked for none."""
        if self._recovery is not None and self._recovery.outcome != "in_progress":
            return self._recovery.completion.usage
        return self._reader.accumulator.usage if self._reader else None

    @property
    def receipt(self) -> Receipt | None:
        """What the completion cost; None until that is known."""
        if self._recovery is not None and self._recovery.receipt is not None:
            return self._recovery.receipt
        return self._reader.receipt if self._reader else None

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; None until it has."""
        if self._recovery is not None and self._recovery.completion.choices:
            return self._recovery.completion.choices[0].finish_reason
        return self._reader.accumulator.finish_reason if self._reader else None

    @property
    def warnings(self) -> tuple[StreamWarning, ...]:
        """What the server warned of."""
        return tuple(self._reader.warnings) if self._reader else ()

    @property
    def end(self) -> End | None:
        """How the stream ended; None while it has not."""
        return self._end

    @property
    def recovery(self) -> Recovery | None:
        """What the stored record said, where it was asked for."""
        return self._recovery

    @property
    def response_info(self) -> ResponseInfo:
        """What the stream came with. Raises AurousError before it is open."""
        if self._opened is None:
            raise AurousError("the stream is not open yet; use it in a with block, or iterate over it")
        return self._opened.info

    @property
    def completion(self) -> ChatCompletion:
        """The whole answer, as retrieving it would give it.

        Raises AurousError before the end, and where the stream was asked to leave out its usage, which is a required
        part of a completion.
        """
        if self._recovery is not None and self._recovery.outcome == "completed":
            return self._recovery.completion
        if self._reader is None or self._opened is None or self._end not in ("finished", "done_without_finish_reason"):
            raise AurousError("the stream has not come to its end; `snapshot` has what there is")
        made = self._reader.accumulator.completion()
        attach(made, Origin(self._opened.info, self._reader.usage_frame))
        return made

    @property
    def snapshot(self) -> Accumulator:
        """What has arrived so far: text, tool calls, finish reason ... Raises AurousError before the stream is open."""
        if self._reader is None:
            raise AurousError("the stream is not open yet; use it in a with block, or iterate over it")
        return self._reader.accumulator

    def _begin(self, opened: Opened) -> Opened:
        self._opened = opened
        self._reader = Reader(opened.info, max_event_size=self._link.options.streams.max_event_size)
        self._watch = _Watch(opened, self._link.options)
        return opened

    def _judge(self, failure: Failure | None) -> StreamInterruptedError | None:
        """Note how the stream ended, and give the error where that is no end."""
        assert self._reader is not None
        reader = self._reader
        self._end = reader.end(failure)
        self._settle()
        if reader.is_complete:
            return None
        late = self._watch.lapsed() if failure is None or failure.timed_out else None
        if late is not None:
            error: StreamInterruptedError = late(
                "no event in time", completion_id=reader.id, text=reader.text, kind="cut"
            )
            self._end = "cut"
        else:
            message = failure.message if failure else "the server closed the connection without ending the stream"
            error = reader.interruption(self._end, message)
        error.__cause__ = failure.cause if failure else None
        return error

    def _settle(self) -> None:
        """Enter the receipt; without one, remember that it is still owed."""
        reader = self._reader
        if reader is not None and reader.receipt is not None:
            self._link.ledger.settle(reader.receipt, created=True)
        elif reader is not None and reader.id is not None and not reader.is_done:
            self._link.ledger.begin(reader.id)

    def _tell(self, error: BaseException | None) -> None:
        """Tell the observers of the end, once."""
        if self._course is not None and not self._is_told:
            self._is_told = True
            is_whole = error is None and self._end is not None and self.usage is not None
            self._course.finish(self.completion if is_whole else None, error)

    def _recovery_steps(self, within: float | None) -> Steps[Recovery]:
        if self._reader is None or self._reader.id is None:
            raise StreamInterruptedError(
                "no chunk arrived, so there is no id to ask for", completion_id=None, text="", kind=self._end or "cut"
            )
        return recovery.recover(
            self._reader.id,
            self._reader.text,
            make_course=self._link.make_course,
            ledger=self._link.ledger,
            clock=time.monotonic,
            within=self._link.options.streams.recover_within if within is None else within,
        )

    def _cancel_steps(self) -> Steps[ChatCompletion]:
        if self._reader is None or self._reader.id is None:
            raise AurousError("no chunk arrived, so there is no id to cancel by")
        return recovery.cancel(self._reader.id, make_course=self._link.make_course, ledger=self._link.ledger)

    def _continue(self, found: Recovery, error: StreamInterruptedError) -> Iterator[ChatCompletionChunk]:
        """The rest of a recovered answer as one chunk. Raises the error where the record is not the whole answer."""
        assert self._reader is not None
        error.recovery = found
        if found.agrees and (found.rest or found.outcome == "completed"):
            yield self._reader.continuation(found.completion, found.rest)
        if found.outcome == "failed":
            raise self._reader.failure_of(found.completion) from error
        if found.outcome != "completed" or not found.agrees:
            raise error


class ChatStream(_Stream):
    """A stream of chunks, each with exactly one choice.

        with client.chat.completions.stream(model=..., messages=[...]) as stream:
            for text in stream.text:
                print(text, end="")
        print(stream.completion.usage)

    Opening raises the errors of a call. Iterating raises StreamInterruptedError where the stream breaks off, one of
    its timeouts where it does not go on, and the error of its code where the server ends it with one; all of them carry
    `completion_id` and `text`. Leaving the block early hangs up: the server cancels, and charges what it had made.
    """

    def __init__(self, link: Link, transport: SyncTransport) -> None:
        super().__init__(link)
        self._transport = transport
        self._chunks: Iterator[ChatCompletionChunk] | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        if self._chunks is None:
            self._chunks = self._read()
        return self._chunks

    @property
    def text(self) -> Iterator[str]:
        """The answer's text, piece by piece."""
        return (chunk.choices[0].delta.content for chunk in self if chunk.choices[0].delta.content)

    def recover(self, *, within: float | None = None) -> Recovery:
        """Ask for the stored record until it is final, for so many seconds. Never sends the request again.

        Raises StreamInterruptedError where nothing arrived, and the errors of a call.
        """
        self._recovery = self._transport.run(self._recovery_steps(within))
        return self._recovery

    def cancel(self) -> ChatCompletion:
        """Cancel the completion on the server and hang up. Returns its record, with what was charged."""
        record = self._transport.run(self._cancel_steps())
        self._hang_up()
        return record

    def close(self) -> None:
        """Hang up. Where the answer is not complete, the server cancels it and charges what it had made."""
        if self._opened is None or self._end is not None:
            return
        assert self._reader is not None
        if self._reader.is_complete:
            self._opened.reply.body.drain(_DRAIN)
            self._end = self._reader.end(None)
        elif self._reader.id is not None and self._link.options.streams.on_break == "cancel":
            try:
                self._transport.run(self._cancel_steps())
            except AurousError as error:
                logger.warning("cancelling %s failed: %s", self._reader.id, error)
        self._hang_up()

    def _hang_up(self) -> None:
        assert self._opened is not None
        self._opened.reply.body.close()
        if self._end is None:
            self._end = "cut"
            self._settle()
        self._tell(None)

    def _open(self) -> Opened:
        if self._opened is None:
            self._course = self._link.make_stream_course()
            self._begin(self._transport.run(self._course.for_stream()))
        assert self._opened is not None
        return self._opened

    def _read(self) -> Iterator[ChatCompletionChunk]:
        body = self._open().reply.body
        assert self._reader is not None
        reader, watch, failure = self._reader, self._watch, None
        try:
            while (piece := body.read(watch.patience())) is not None:
                if isinstance(piece, Failure):
                    failure = piece
                    break
                before = reader.events
                yield from reader.feed(piece)
                if reader.events > before:
                    watch.restart()
                if reader.is_done or watch.lapsed():
                    break
            error = self._judge(failure)
            if error is None:
                body.drain(_DRAIN)
            elif self._link.options.streams.on_drop == "recover" and reader.id is not None:
                body.close()
                yield from self._continue(self.recover(), error)
            else:
                raise error
            self._tell(None)
        except Exception as error:
            self._end = self._end or "cut"
            self._tell(error)
            raise
        finally:
            body.close()


class AsyncChatStream(_Stream):
    """As `ChatStream`, for asyncio: `async with client.chat.completions.stream(...) as stream:`."""

    def __init__(self, link: Link, transport: AsyncTransport) -> None:
        super().__init__(link)
        self._transport = transport
        self._chunks: AsyncIterator[ChatCompletionChunk] | None = None

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        if self._chunks is None:
            self._chunks = self._read()
        return self._chunks

    @property
    async def text(self) -> AsyncIterator[str]:
        """The answer's text, piece by piece."""
        async for chunk in self:
            if chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    async def recover(self, *, within: float | None = None) -> Recovery:
        """As that of `ChatStream`."""
        self._recovery = await self._transport.run(self._recovery_steps(within))
        return self._recovery

    async def cancel(self) -> ChatCompletion:
        """As that of `ChatStream`."""
        record = await self._transport.run(self._cancel_steps())
        await self._hang_up()
        return record

    async def close(self) -> None:
        """As that of `ChatStream`."""
        if self._opened is None or self._end is not None:
            return
        assert self._reader is not None
        if self._reader.is_complete:
            await self._opened.reply.body.drain(_DRAIN)
            self._end = self._reader.end(None)
        elif self._reader.id is not None and self._link.options.streams.on_break == "cancel":
            try:
                await self._transport.run(self._cancel_steps())
            except AurousError as error:
                logger.warning("cancelling %s failed: %s", self._reader.id, error)
        await self._hang_up()

    async def _hang_up(self) -> None:
        assert self._opened is not None
        await self._opened.reply.body.close()
        if self._end is None:
            self._end = "cut"
            self._settle()
        self._tell(None)

    async def _open(self) -> Opened:
        if self._opened is None:
            self._course = self._link.make_stream_course()
            self._begin(await self._transport.run(self._course.for_stream()))
        assert self._opened is not None
        return self._opened

    async def _read(self) -> AsyncIterator[ChatCompletionChunk]:
        body = (await self._open()).reply.body
        assert self._reader is not None
        reader, watch, failure = self._reader, self._watch, None
        try:
            while (piece := await body.read(watch.patience())) is not None:
                if isinstance(piece, Failure):
                    failure = piece
                    break
                before = reader.events
                for chunk in reader.feed(piece):
                    yield chunk
                if reader.events > before:
                    watch.restart()
                if reader.is_done or watch.lapsed():
                    break
            error = self._judge(failure)
            if error is None:
                await body.drain(_DRAIN)
            elif self._link.options.streams.on_drop == "recover" and reader.id is not None:
                await body.close()
                for chunk in self._continue(await self.recover(), error):
                    yield chunk
            else:
                raise error
            self._tell(None)
        except Exception as error:
            self._end = self._end or "cut"
            self._tell(error)
            raise
        finally:
            await body.close()
