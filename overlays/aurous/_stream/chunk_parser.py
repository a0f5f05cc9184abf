"""Parses the body of a chat stream: bytes in, events out.

A *block* is the bytes of one server-sent event, a *document* its decoded JSON, an *event* what it means for the stream.
Page: api-reference/chat/streaming. The forms of warnings and errors are not documented, so all forms are accepted.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, TypeAlias

from aurous_client.errors import ParseError
from aurous_client.models import ChatCompletion, ChatCompletionChunk, StreamWarning

from .._json import SHALLOW_SIZE, check_depth, decode_strict
from .._request.error_mapping import error_in_event, invalid_event, is_error
from .._request.repair import repair
from ..errors import APIResponseValidationError, AurousError
from ..sse import Decoder, EventTooLargeError, ServerSentEvent
from ..types import ResponseInfo
from .chunk_template import BLANK_LINE, ChunkTemplate, make_template, private_copy

_DONE_DATA: Final = "[DONE]"
_FIELD: Final = b"data: "
_JSON_BLOCK: Final = b"data: {"
IGNORED_KEY_CODE: Final = "idempotency_ignored_streaming"

# Making a template takes as long as parsing several chunks. One that matches fewer is not worth it: the next is then
# made after twice as many chunks as the last.
_WORTHWHILE: Final = 16

# Keep-alives of other servers; this API sends comments.
_PINGS: Final = frozenset({"ping", "keepalive", "keep-alive"})


class UsageReceived(NamedTuple):
    """The chunk that follows has a `usage`."""

    completion_id: str
    content: bytes
    """The chunk as received, whose decimals are exact."""


class Inconsistency(NamedTuple):
    """The chunk that follows did not match the contract, and was read all the same."""

    place: str
    message: str


class Marker(Enum):
    """Events without content."""

    DONE = "done"
    """`[DONE]`: the stream has ended."""
    IGNORED = "ignored"
    """A document that means nothing to this version."""


DONE: Final = Marker.DONE

StreamEvent: TypeAlias = ChatCompletionChunk | UsageReceived | Inconsistency | StreamWarning | AurousError | Marker


class StreamNotice(UserWarning):
    """A warning that the server sent in a stream."""


class ChunkParser:
    """Parses one stream. Comments, pings and empty events give no event.

    parser.receive_data(piece)   # the first event of a piece
    parser.next_event()          # the others, then None

    Blocks are parsed when their event is requested. A block of the usual form, one line of JSON, is parsed without the
    SSE decoder; all others are left to `_parse`, which accepts every form.

    redact: removes the key from what a server repeats of it
    """

    def __init__(self, info: ResponseInfo, *, max_event_size: int | None, redact: Callable[[bytes], bytes]) -> None:
        self._info = info
        self._redact = redact
        self._decoder = Decoder(max_event_size=max_event_size)
        self._max_event_size = sys.maxsize if max_event_size is None else max_event_size
        # Received and not delivered yet: blocks without their blank lines, the last first; decoded ones; events.
        self._blocks: list[bytes] = []
        self._decoded: deque[ServerSentEvent] = deque()
        self._events: deque[StreamEvent] = deque()
        # Whether the next byte starts a block.
        self._is_between_blocks = False
        self._has_failed = False
        self._is_done = False
        self._template: ChunkTemplate | None = None
        # The chunk before the one that a template is made of.
        self._previous: ChatCompletionChunk | None = None
        self._chunks_to_template = 2
        self._template_interval = 1
        self.has_buffered = False
        """Whether `next_event` may return one."""

    def receive_data(self, piece: bytes) -> StreamEvent | None:
        """The first event of the next piece of the body. Call it when `next_event` has returned None."""
        if self._is_between_blocks:
            template = self._template
            event: StreamEvent | None = template.match(piece) if template is not None else None
            if event is None and piece.startswith(_JSON_BLOCK) and piece.find(BLANK_LINE) == len(piece) - 2:
                event = self._parse_line(piece)
            if event is not None:
                return event
        if self._is_done:
            return None
        self._blocks = piece.split(BLANK_LINE)
        self._blocks.reverse()
        self.has_buffered = True
        return self.next_event()

    def next_event(self) -> StreamEvent | None:
        """The next event of what was received; None if more data is needed."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._decoded:
                self._parse(self._decoded.popleft())
            elif self._blocks:
                block = self._blocks.pop()
                # The last block has no blank line yet, and continues in the next piece.
                is_whole = bool(self._blocks)
                event = self._match_block(block + BLANK_LINE) if is_whole and self._is_between_blocks else None
                if event is not None:
                    return event
                if block or is_whole:
                    self._decode(block + BLANK_LINE if is_whole else block)
            elif self._has_failed and not self._is_done:
                # Report it now: there may be no further piece.
                self._decode(b"")
            else:
                self.has_buffered = False
                return None

    def error_of_record(self, record: ChatCompletion) -> AurousError:
        """The error that a stored record ended with."""
        body = {"error": record.error.to_dict() if record.error else {"message": "the completion failed"}}
        return self._error(body, json.dumps(body))

    def _match_block(self, block: bytes) -> StreamEvent | None:
        """The event of a block that is one line of JSON; None for all others."""
        chunk = self._template.match(block) if self._template is not None else None
        return chunk or (self._parse_line(block) if block.startswith(_JSON_BLOCK) else None)

    def _parse_line(self, block: bytes) -> StreamEvent | None:
        """The event of one `data: {...}` line with its blank line; None if it needs `_parse`."""
        data = block[len(_FIELD) : -len(BLANK_LINE)]
        if b"\n" in data or b"\r" in data or len(block) - len(BLANK_LINE) > self._max_event_size:
            return None
        try:
            document = decode_strict(data)
            if len(data) > SHALLOW_SIZE:
                check_depth(data, document)
            chunk = ChatCompletionChunk.from_dict(document)
        except (ValueError, RecursionError):
            return None
        extra = chunk.additional_properties
        if extra and (extra.get("error") or extra.get("warning") or _is_warning(extra)):
            return None
        if not chunk.choices and not chunk.id:
            return None
        if chunk.usage:
            self._events.append(chunk)
            self.has_buffered = True
            return UsageReceived(chunk.id, data)
        self._chunks_to_template -= 1
        if self._chunks_to_template <= 1:
            self._renew_template(block, data, chunk)
        return chunk

    def _renew_template(self, block: bytes, data: bytes, chunk: ChatCompletionChunk) -> None:
        """Make a template of the second of two chunks, which tell what differs."""
        previous, self._previous = self._previous, private_copy(chunk)
        if previous is None or self._chunks_to_template > 0:
            return
        is_worthwhile = self._template is not None and self._template.matches >= _WORTHWHILE
        self._template_interval = 1 if is_worthwhile else 2 * self._template_interval
        self._chunks_to_template = self._template_interval
        self._template = make_template(block, data.decode(), chunk, previous, max_event_size=self._max_event_size)

    def _decode(self, data: bytes) -> None:
        try:
            self._decoded.extend(self._decoder.decode(data))
        except EventTooLargeError as error:
            self._events.append(self._validation_error(str(error), ""))
        self._is_between_blocks = self._decoder.is_between_events
        self._has_failed = self._decoder.has_failed and not self._events

    def _parse(self, decoded: ServerSentEvent) -> None:
        """Append the events of a block of any form."""
        text = decoded.data.strip()
        if decoded.event != "error" and (decoded.event in _PINGS or not text):
            return
        if text == _DONE_DATA:
            self._is_done = True
            self._is_between_blocks = False
            self._blocks.clear()
            self._decoded.clear()
            self._events.append(DONE)
            return
        try:
            document = json.loads(decoded.data)
            if len(decoded.data) > SHALLOW_SIZE:
                check_depth(decoded.data, document)
        except (ValueError, RecursionError):
            document = None
        is_object = isinstance(document, dict)
        is_chunk = is_object and "choices" in document and not document.get("error")
        if decoded.event == "error" or (is_object and not is_chunk and is_error(document)):
            self._events.append(self._error(document, decoded.data))
        elif not is_object:
            self._events.append(self._validation_error("expected a JSON object in each event", decoded.data))
        else:
            self._parse_document(document, decoded)

    def _parse_document(self, document: dict[str, Any], decoded: ServerSentEvent) -> None:
        is_warning = decoded.event == "warning" or _is_warning(document)
        warning = document.get("warning") or (document if is_warning else None)
        if warning is not None:
            self._events.append(_stream_warning(warning))
        choices, data = document.get("choices"), decoded.data
        if not isinstance(choices, (list, dict)) and not document.get("usage"):
            self._events.append(Marker.IGNORED)
            return
        try:
            chunk = ChatCompletionChunk.from_dict(document)
        except ParseError:
            try:
                chunk, repaired, notes = repair(ChatCompletionChunk.from_dict, document)
            except ParseError as error:
                self._events.append(self._validation_error(str(error), data, error))
                return
            self._events.extend(
                Inconsistency(place, self._redact(note.encode()).decode()) for place, note in notes.items()
            )
            data = json.dumps(repaired)
        if not chunk.choices and not chunk.id:
            # Some gateways start with a content filter report in the form of a chunk without a completion.
            self._events.append(Marker.IGNORED)
            return
        if chunk.usage:
            self._events.append(UsageReceived(chunk.id, data.encode("utf-8", "replace")))
        self._events.append(chunk)

    def _error(self, document: Any, data: str) -> AurousError:
        return error_in_event(document, self._redact(data.encode("utf-8", "replace")), self._info)

    def _validation_error(self, message: str, data: str, cause: ParseError | None = None) -> APIResponseValidationError:
        return invalid_event(message, self._redact(data.encode("utf-8", "replace")), self._info, cause)


def _stream_warning(warning: Any) -> StreamWarning:
    try:
        return StreamWarning.from_dict(warning)
    except ParseError:
        return StreamWarning(code="unknown", message=warning if isinstance(warning, str) else json.dumps(warning))


def _is_warning(document: Mapping[str, Any]) -> bool:
    return document.get("type") == "warning" or document.get("code") == IGNORED_KEY_CODE
