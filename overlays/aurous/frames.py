"""Reads the frames of a stream: bytes in, chunks out, and a judgement of the end. Pure; knows no HTTP, no clock.

Page: api-reference/chat/streaming. The shapes of warning and error frames are not documented; every shape is taken.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from aurous_client.error_codes import ERROR_CODES
from aurous_client.errors import ParseError
from aurous_client.models import ChatCompletion, ChatCompletionChunk, ChunkChoice, ChunkDelta, StreamWarning

from .answers import ResponseInfo
from .calls import Failure
from .chunks import Accumulator
from .errors import AurousError, Envelope, ResponseShapeError, StreamInterruptedError, error_class
from .receipts import Receipt, parse_decimal, read_receipt
from .sse import Decoder, EventTooLargeError, ServerSentEvent

DONE: Final = "[DONE]"

End: TypeAlias = Literal["finished", "done_without_finish_reason", "cut", "closed_early"]
"""How a stream ended. The first two are complete answers; `cut` is a broken connection, `closed_early` a server that
closed it in good order and said nothing."""


class StreamNotice(UserWarning):
    """The server warned of something in a stream."""


class Reader:
    """Turns the bytes of one stream into chunks that have exactly one choice, and remembers the rest."""

    def __init__(self, info: ResponseInfo, *, max_event_size: int | None) -> None:
        self._info = info
        self._decoder = Decoder(max_event_size=max_event_size)
        self.accumulator = Accumulator()
        self.receipt: Receipt | None = None
        self.usage_frame = b""
        """The frame that the receipt was read from."""
        self.warnings: list[StreamWarning] = []
        self.is_done = False
        """Whether `[DONE]` came; what follows it is not looked at."""
        self.events = 0
        """How many frames came; comments and keep-alives are none."""

    @property
    def id(self) -> str | None:
        return self.accumulator.id

    @property
    def text(self) -> str:
        return self.accumulator.text

    @property
    def is_complete(self) -> bool:
        """Whether the answer is whole: it said why it ended, or that it did."""
        return self.is_done or self.accumulator.finish_reason is not None

    def feed(self, piece: bytes) -> Iterator[ChatCompletionChunk]:
        """The chunks that a piece completes. Raises the error of a frame that is one, and ResponseShapeError."""
        try:
            events = self._decoder.decode(piece)
        except EventTooLargeError as error:
            raise self._with_cargo(self._shape_error(str(error), "")) from None
        for event in events:
            if not self.is_done and event.data:
                self.events += 1
                chunk = self._read(event)
                if chunk is not None:
                    yield chunk

    def end(self, failure: Failure | None) -> End:
        """How the stream ended, now that no more bytes come."""
        if self.accumulator.finish_reason is not None:
            return "finished"
        if self.is_done:
            return "done_without_finish_reason"
        return "cut" if failure else "closed_early"

    def interruption(self, end: End, message: str) -> StreamInterruptedError:
        """The error for an end that is none."""
        return StreamInterruptedError(message, completion_id=self.id, text=self.accumulator.text, kind=end)

    def continuation(self, record: ChatCompletion, rest: str) -> ChatCompletionChunk:
        """What of a stored record had not been delivered, as a last chunk."""
        choice = record.choices[0]
        return ChatCompletionChunk(
            id=record.id,
            created=record.created,
            model=record.model,
            choices=[
                ChunkChoice(index=choice.index, delta=ChunkDelta(content=rest), finish_reason=choice.finish_reason)
            ],
            usage=record.usage,
        )

    def failure_of(self, record: ChatCompletion) -> AurousError:
        """The error that a stored record ended with."""
        fault = record.error.to_dict() if record.error else {"message": "the completion failed"}
        return self._with_cargo(self._error({"error": fault}, json.dumps({"error": fault})))

    def _read(self, event: ServerSentEvent) -> ChatCompletionChunk | None:
        if event.data == DONE:
            self.is_done = True
            return None
        try:
            frame = json.loads(event.data)
        except (ValueError, RecursionError):
            raise self._with_cargo(self._shape_error("expected JSON in each event", event.data)) from None
        if not isinstance(frame, dict):
            raise self._with_cargo(self._shape_error("expected an object in each event", event.data))
        if frame.get("error") or event.event == "error":
            raise self._with_cargo(self._error(frame, event.data))
        if frame.get("warning"):
            self._warn(frame["warning"])
        # A frame that is no chunk may be something that this version does not know.
        return self._chunk(frame, event.data) if isinstance(frame.get("choices"), list) else None

    def _chunk(self, frame: Mapping[str, Any], data: str) -> ChatCompletionChunk | None:
        try:
            chunk = ChatCompletionChunk.from_dict(frame)
        except ParseError as fault:
            raise self._with_cargo(self._shape_error(str(fault), data, fault)) from None
        self.accumulator.add(chunk)
        if chunk.usage:
            self.usage_frame = data.encode("utf-8", "replace")
            self.receipt = read_receipt(chunk.id, json.loads(data, parse_float=parse_decimal)["usage"])
        return chunk if chunk.choices else None

    def _warn(self, warning: Any) -> None:
        try:
            told = StreamWarning.from_dict(warning)
        except ParseError:
            told = StreamWarning(code="unknown", message=str(warning))
        self.warnings.append(told)
        warnings.warn(StreamNotice(f"{told.code}: {told.message}"), stacklevel=2)

    def _error(self, frame: Mapping[str, Any], data: str) -> AurousError:
        code = Envelope.of(frame).code
        documented = ERROR_CODES.get(code or "")
        status = int(documented.status.replace("X", "0")) if documented else 500
        return error_class(status, code)(
            status, headers=self._info.headers, content=data.encode("utf-8", "replace"), attempts=self._info.attempts
        )

    def _shape_error(self, message: str, data: str, fault: ParseError | None = None) -> ResponseShapeError:
        return ResponseShapeError(
            message,
            path=fault.path if fault else (),
            status_code=self._info.status_code,
            headers=self._info.headers,
            content=data.encode("utf-8", "replace"),
            attempts=self._info.attempts,
        )

    def _with_cargo(self, error: AurousError) -> AurousError:
        """The error, with what had arrived before it."""
        error.completion_id, error.text = self.id, self.accumulator.text
        return error
