"""Reads the frames of a stream: bytes in, chunks out, and a judgement of the end. Pure; knows no HTTP and no clock.

Page: api-reference/chat/streaming. The shapes of warning and error frames are not documented, so every shape is taken.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from aurous_client.error_codes import ERROR_CODES
from aurous_client.errors import ParseError
from aurous_client.models import ChatCompletion, ChatCompletionChunk, StreamWarning

from .._request.error_body import Envelope
from .._request.response_info import ResponseInfo
from ..billing.receipts import Receipt, read_receipt, usage_of
from ..errors import APIResponseValidationError, AurousError, error_class
from ..sse import DEFAULT_MAX_EVENT_SIZE, Decoder, EventTooLargeError, ServerSentEvent
from .accumulator import Accumulator
from .template import BLANK_LINE, Stencil, cut

DONE: Final = "[DONE]"

End: TypeAlias = Literal["finished", "done_without_finish_reason", "closed_early", "cut", "failed", "left"]
"""How a stream ended. The first two are complete answers: it said why it ends, or only that it does. `closed_early`:
the server closed the connection in good order, without a word. `cut`: the connection broke, or nothing came in time.
`failed`: the server sent an error, or what cannot be read. `left`: the caller closed it, or cancelled."""

KEY_IGNORED: Final = StreamWarning(
    code="idempotency_ignored_streaming",
    message="the API ignores the idempotency key of a stream; sent again, this request is made and charged again",
)

# Frames, at least, from one stencil to the next.
_CUT_EVERY: Final = 16

# How other servers keep a connection alive, where this one sends comments.
_PINGS: Final = frozenset({"ping", "keepalive", "keep-alive"})
_STATUSES: Final[Mapping[str, int]] = {
    "invalid_request": 400,
    "authentication": 401,
    "not_found": 404,
    "rate_limit": 429,
    "server_error": 500,
}


class StreamNotice(UserWarning):
    """The server warned of something in a stream."""


class Reader:
    """Turns the bytes of one stream into chunks that have exactly one choice, and remembers the rest.

    hide: takes the key out of what a server repeats of it in an error
    """

    def __init__(self, info: ResponseInfo, *, max_event_size: int | None, hide: Callable[[bytes], bytes]) -> None:
        self._info = info
        self._hide = hide
        self._decoder = Decoder(max_event_size=max_event_size)
        self._index: int | None = None
        # What has come and was not looked at: bytes between blank lines, the last first, and events of the decoder.
        self._blocks: list[bytes] = []
        self._decoded: deque[ServerSentEvent] = deque()
        self._max_event_size = DEFAULT_MAX_EVENT_SIZE if max_event_size is None else max_event_size
        self._is_at_rest = False
        self._has_failed = False
        # The bytes of the event at hand, where they are those of no other.
        self._bytes = b""
        self._stencil: Stencil | None = None
        # A frame that does not fit is not always worth a new one, and the first has its role to itself.
        self._next_cut = 2
        self.accumulator = Accumulator()
        self.receipt: Receipt | None = None
        self.usage_frame = b""
        """The frame that the receipt was read from."""
        self.warnings: list[StreamWarning] = []
        if info.idempotency_status == "ignored_streaming":
            self.warnings.append(KEY_IGNORED)
        self.is_done = False
        """Whether `[DONE]` came; what follows it is not looked at."""
        self.events = 0
        """How many frames came; comments, empty events and pings are none."""
        self.parsed = 0
        """How many of them were not as the one before but for its text."""

    @property
    def id(self) -> str | None:
        return self.accumulator.id

    @property
    def is_complete(self) -> bool:
        """Whether the answer is whole: it said why it ended, or that it did."""
        return self.accumulator.finished or self.is_done

    @property
    def awaits_nothing(self) -> bool:
        """Whether all that a caller can want has come."""
        return self.is_done or (self.accumulator.finished and self.receipt is not None)

    def take(self, piece: bytes) -> ChatCompletionChunk | None:
        """The first chunk of the next piece of the body, which has to wait until `next` has no more of the last.

        Raises the error of a frame that is one, and APIResponseValidationError.
        """
        if self.is_done:
            return None
        self._blocks = piece.split(BLANK_LINE)
        self._blocks.reverse()
        return self.next()

    def next(self) -> ChatCompletionChunk | None:
        """The next chunk of the piece; None if it has no more. Raises as `take`."""
        while True:
            chunk = None
            if self._decoded:
                chunk = self._read(self._decoded.popleft())
            elif self._blocks:
                block = self._blocks.pop()
                # The last is what stands behind the last blank line, and goes on in the next piece.
                event = block + BLANK_LINE if self._blocks else block
                chunk = self.recognize(event)
                if chunk is None:
                    self._decode(event, is_whole=bool(self._blocks))
            elif self._has_failed and not self.is_done:
                # Said now: no piece may follow with which it would be.
                self._decode(b"", is_whole=False)
            else:
                return None
            if chunk is not None:
                return chunk

    @property
    def end(self) -> End:
        """How a complete stream ended."""
        return "finished" if self.accumulator.finished else "done_without_finish_reason"

    def failure_of(self, record: ChatCompletion) -> AurousError:
        """The error that a stored record ended with."""
        fault = record.error.to_dict() if record.error else {"message": "the completion failed"}
        return self._with_cargo(self._error({"error": fault}, json.dumps({"error": fault})))

    def recognize(self, piece: bytes) -> ChatCompletionChunk | None:
        """The chunk of a piece, if it is an event like one before it but for its text; otherwise `take` it."""
        stencil = self._stencil
        if stencil is None or not self._is_at_rest:
            return None
        text = stencil.read(piece)
        if text is None:
            return None
        self.events += 1
        self.accumulator.add_text(text)
        return stencil.chunk(text)

    def _decode(self, event: bytes, *, is_whole: bool) -> None:
        try:
            events = self._decoder.decode(event)
        except EventTooLargeError as error:
            raise self._with_cargo(self._shape_error(str(error), "")) from None
        self._bytes = event if is_whole and self._is_at_rest and len(events) == 1 else b""
        self._is_at_rest = self._decoder.is_at_rest
        self._has_failed = self._decoder.has_failed
        self._decoded.extend(events)

    def _read(self, event: ServerSentEvent) -> ChatCompletionChunk | None:
        if event.event != "error" and (event.event in _PINGS or not event.data.strip()):
            return None
        self.events += 1
        self.parsed += 1
        if event.data.strip() == DONE:
            self.is_done = True
            self._blocks.clear()
            self._decoded.clear()
            return None
        try:
            frame = json.loads(event.data)
        except (ValueError, RecursionError):
            frame = None
        if event.event == "error" or (isinstance(frame, dict) and _is_error(frame)):
            raise self._with_cargo(self._error(frame, event.data))
        if not isinstance(frame, dict):
            raise self._with_cargo(self._shape_error("expected a JSON object in each event", event.data))
        warning = frame.get("warning") or (frame if event.event == "warning" or _is_warning(frame) else None)
        if warning is not None:
            self._take_warning(warning)
        # A frame that is no chunk may be something that this version does not know.
        chunk = self._chunk(frame, event.data) if isinstance(frame.get("choices"), list) else None
        if chunk is not None and warning is None and self.events >= self._next_cut:
            # The first frames often have something of their own. Where all do, little time is lost on it.
            self._next_cut = self.events + min(self.events, _CUT_EVERY)
            self._stencil = cut(self._bytes, event.data, chunk, max_event_size=self._max_event_size) or self._stencil
        return chunk

    def _chunk(self, frame: Mapping[str, Any], data: str) -> ChatCompletionChunk | None:
        try:
            chunk = ChatCompletionChunk.from_dict(frame)
        except ParseError as fault:
            raise self._with_cargo(self._shape_error(str(fault), data, fault)) from None
        if not chunk.choices and not chunk.id:
            # Some gateways open with a report of their filters, in the form of a chunk that belongs to no completion.
            return None
        self.accumulator.add(chunk)
        if chunk.usage:
            self.usage_frame = data.encode("utf-8", "replace")
            self.receipt = read_receipt(chunk.id, usage_of(self.usage_frame) or {})
        if chunk.choices and self._index is None:
            self._index = chunk.choices[0].index
        chunk.choices = [choice for choice in chunk.choices if choice.index == self._index][:1]
        return chunk if chunk.choices else None

    def _take_warning(self, warning: Any) -> None:
        try:
            told = StreamWarning.from_dict(warning)
        except ParseError:
            told = StreamWarning(code="unknown", message=warning if isinstance(warning, str) else json.dumps(warning))
        if KEY_IGNORED in self.warnings and told.code == KEY_IGNORED.code:
            # The header had said so, in our words.
            self.warnings.remove(KEY_IGNORED)
        self.warnings.append(told)

    def _error(self, frame: Any, data: str) -> AurousError:
        code, status = Envelope.of(frame).code, _status_of(frame)
        content = self._hide(data.encode("utf-8", "replace"))
        return error_class(status, code)(
            status, headers=self._info.headers, content=content, attempts=self._info.attempts
        )

    def _shape_error(self, message: str, data: str, fault: ParseError | None = None) -> APIResponseValidationError:
        return APIResponseValidationError(
            message,
            path=fault.path if fault else (),
            status_code=self._info.status_code,
            headers=self._info.headers,
            content=self._hide(data.encode("utf-8", "replace")),
            attempts=self._info.attempts,
        )

    def _with_cargo(self, error: AurousError) -> AurousError:
        """The error, with what had arrived before it."""
        error.completion_id, error.text = self.id, self.accumulator.text
        return error


def read_whole(content: bytes) -> tuple[ChatCompletion, Receipt] | None:
    """The completion that a server sent in place of a stream, if it did: it is charged like any other."""
    try:
        completion = ChatCompletion.from_dict(json.loads(content))
        return completion, read_receipt(completion.id, usage_of(content) or {})
    except (ParseError, ValueError, RecursionError):
        return None


def _is_error(frame: Mapping[str, Any]) -> bool:
    """Whether a frame is an error by its looks: an envelope, or what would stand in one."""
    if frame.get("error"):
        return True
    if "choices" in frame or not isinstance(frame.get("message"), str):
        return False
    looks = [frame.get(name) for name in ("type", "code", "object")]
    known = (*_STATUSES, *ERROR_CODES, "error")
    return any(isinstance(look, str) and look in known for look in looks)


def _is_warning(frame: Mapping[str, Any]) -> bool:
    return frame.get("type") == "warning" or frame.get("code") == KEY_IGNORED.code


def _status_of(frame: Any) -> int:
    """The HTTP status that an error would have had before the stream began."""
    told = Envelope.of(frame)
    documented = ERROR_CODES.get(told.code or "")
    if documented is not None:
        return int(documented.status.replace("X", "0"))
    if told.type is not None and told.type in _STATUSES:
        return _STATUSES[told.type]
    # Some gateways write the status where the code belongs.
    fault = frame.get("error") if isinstance(frame, dict) else None
    number = fault.get("code") if isinstance(fault, dict) else None
    return number if isinstance(number, int) and 400 <= number <= 599 else 500
