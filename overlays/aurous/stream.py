"""`ChatStream` and `AsyncChatStream`: typed chunks, and the proof of the end. Knows no bytes and no HTTP library.

Page: api-reference/chat/streaming.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from aurous_client.error_codes import ERROR_CODES
from aurous_client.errors import ParseError
from aurous_client.models import ChatCompletionChunk, StreamWarning, Usage

from . import receipts
from .answers import ResponseInfo
from .calls import Course, Failure, Opened
from .errors import AurousError, Envelope, ResponseShapeError, StreamInterruptedError, error_class
from .receipts import Ledger, Receipt
from .sse import Decoder, ServerSentEvent
from .transport import AsyncTransport, SyncTransport

DONE = "[DONE]"


class Reader:
    """Turns the bytes of a stream into chunks, and tells whether its end is one. Pure."""

    def __init__(self, info: ResponseInfo) -> None:
        self._info = info
        self._decoder = Decoder()
        self._texts: list[str] = []
        self.id: str | None = None
        self.finish_reason: str | None = None
        self.usage: Usage | None = None
        self.receipt: Receipt | None = None
        self.warnings: list[StreamWarning] = []
        self.is_done = False

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def feed(self, piece: bytes) -> Iterator[ChatCompletionChunk]:
        """The chunks that a piece completes; those without a choice are taken note of and not passed on."""
        for event in self._decoder.decode(piece):
            if self.is_done:
                return
            chunk = self._read(event)
            if chunk is not None:
                yield chunk

    def end(self, failure: Failure | None) -> None:
        """The stream is over. Raises StreamInterruptedError unless it said so itself."""
        if self.is_done or self.finish_reason is not None:
            return
        message = failure.message if failure else "the server closed the connection without ending the stream"
        raise StreamInterruptedError(
            message, completion_id=self.id, text=self.text, kind="cut" if failure else "closed_early"
        ) from (failure.cause if failure else None)

    def _read(self, event: ServerSentEvent) -> ChatCompletionChunk | None:
        if not event.data:
            return None
        if event.data == DONE:
            self.is_done = True
            return None
        try:
            frame = json.loads(event.data)
        except (ValueError, RecursionError):
            raise self._shape_error("expected a JSON document in each event", event) from None
        if not isinstance(frame, dict):
            raise self._shape_error("expected an object in each event", event)
        if frame.get("error") or event.event == "error":
            raise self._error(frame, event)
        if frame.get("warning"):
            self._warn(frame["warning"])
        return self._chunk(frame, event) if isinstance(frame.get("choices"), list) else None

    def _chunk(self, frame: dict[str, Any], event: ServerSentEvent) -> ChatCompletionChunk | None:
        try:
            chunk = ChatCompletionChunk.from_dict(frame)
        except ParseError as fault:
            raise self._shape_error(str(fault), event, fault) from None
        self.id = self.id or chunk.id
        if isinstance(chunk.usage, Usage):
            self.usage = chunk.usage
            written = json.loads(event.data, parse_float=Decimal)["usage"]
            self.receipt = receipts.read_receipt(chunk.id, written)
        if not chunk.choices:
            return None
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.delta.content:
            self._texts.append(choice.delta.content)
        return chunk

    def _warn(self, warning: object) -> None:
        try:
            told = StreamWarning.from_dict(warning)  # type: ignore[arg-type]
        except ParseError:
            told = StreamWarning(code="unknown", message=str(warning))
        self.warnings.append(told)
        warnings.warn(f"{told.code}: {told.message}", UserWarning, stacklevel=2)

    def _error(self, frame: dict[str, Any], event: ServerSentEvent) -> AurousError:
        envelope = Envelope.of(frame)
        documented = ERROR_CODES.get(envelope.code or "")
        status = int(documented.status.replace("X", "0")) if documented else 500
        error = error_class(status, envelope.code)(
            status, headers=self._info.headers, content=event.data.encode(), attempts=self._info.attempts
        )
        error.completion_id, error.text = self.id, self.text
        return error

    def _shape_error(self, message: str, event: ServerSentEvent, fault: ParseError | None = None) -> ResponseShapeError:
        error = ResponseShapeError(
            message,
            path=fault.path if fault else (),
            status_code=self._info.status_code,
            headers=self._info.headers,
            content=event.data.encode(),
            attempts=self._info.attempts,
        )
        error.completion_id, error.text = self.id, self.text
        return error


class _Stream:
    """What both streams are: what has been read so far."""

    _opened: Opened | None = None
    _reader: Reader

    @property
    def id(self) -> str | None:
        """The completion's id, from the first chunk on; None before."""
        return self._reader.id if self._opened else None

    @property
    def usage(self) -> Usage | None:
        """The receipt's figures as the last chunk gave them; None before it, and where usage was not asked for."""
        return self._reader.usage if self._opened else None

    @property
    def receipt(self) -> Receipt | None:
        """What the completion cost; None until it is known."""
        return self._reader.receipt if self._opened else None

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; None until it has."""
        return self._reader.finish_reason if self._opened else None

    @property
    def warnings(self) -> tuple[StreamWarning, ...]:
        """What the server warned of."""
        return tuple(self._reader.warnings) if self._opened else ()

    @property
    def response_info(self) -> ResponseInfo:
        """What the stream came with. Raises AurousError before it is open."""
        if self._opened is None:
            raise AurousError("the stream is not open yet")
        return self._opened.info

    def _begin(self, opened: Opened) -> Opened:
        self._opened = opened
        self._reader = Reader(opened.info)
        return opened


class ChatStream(_Stream):
    """A stream of chunks, each with exactly one choice: `with client.chat.completions.stream(...) as stream:`.

    Raises the errors of a call on opening, StreamInterruptedError when the stream breaks off, and the error of its
    code when the server ends it with one.
    """

    def __init__(self, transport: SyncTransport, ledger: Ledger, make_course: Callable[[], Course]) -> None:
        self._transport = transport
        self._ledger = ledger
        self._make_course = make_course
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

    def close(self) -> None:
        """Close the connection. If the answer is not complete, the server cancels it and charges what was made."""
        if self._opened is not None:
            self._opened.reply.body.close()

    def _open(self) -> Opened:
        return self._opened or self._begin(self._transport.run(self._make_course().for_stream()))

    def _read(self) -> Iterator[ChatCompletionChunk]:
        opened = self._open()
        failure: Failure | None = None
        try:
            for piece in opened.reply.body.pieces():
                if isinstance(piece, Failure):
                    failure = piece
                    break
                yield from self._reader.feed(piece)
            self._reader.end(failure)
        finally:
            _settle(self._ledger, self._reader)
            opened.reply.body.close()


class AsyncChatStream(_Stream):
    """As `ChatStream`, for asyncio: `async with client.chat.completions.stream(...) as stream:`."""

    def __init__(self, transport: AsyncTransport, ledger: Ledger, make_course: Callable[[], Course]) -> None:
        self._transport = transport
        self._ledger = ledger
        self._make_course = make_course
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

    async def close(self) -> None:
        """Close the connection. If the answer is not complete, the server cancels it and charges what was made."""
        if self._opened is not None:
            await self._opened.reply.body.close()

    async def _open(self) -> Opened:
        return self._opened or self._begin(await self._transport.run(self._make_course().for_stream()))

    async def _read(self) -> AsyncIterator[ChatCompletionChunk]:
        opened = await self._open()
        failure: Failure | None = None
        try:
            async for piece in opened.reply.body.pieces():
                if isinstance(piece, Failure):
                    failure = piece
                    break
                for chunk in self._reader.feed(piece):
                    yield chunk
            self._reader.end(failure)
        finally:
            _settle(self._ledger, self._reader)
            await opened.reply.body.close()


def _settle(ledger: Ledger, reader: Reader) -> None:
    """Enter the stream's receipt; without one, remember that it is still owed."""
    if reader.receipt is not None:
        ledger.settle(reader.receipt, created=True)
    elif reader.id is not None:
        ledger.begin(reader.id)
