"""Reads one answer of an upstream server, whole or in chunks, into the deltas and the end of this API's."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from aurous_mock import request_log
from aurous_mock.errors import APIError
from aurous_mock.generation import tokens
from aurous_mock.generation.answer import Answer, AnswerEnd, AnswerPart, Delta, Logprobs, ToolCall
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.upstream.answer_bounds import OutputLimit
from aurous_mock.upstream.logprobs import read_logprobs
from aurous_mock.upstream.redaction import Redaction
from aurous_mock.upstream.refusals import error_in_body, parse_error
from aurous_mock.upstream.stop_sequences import StopSequences
from aurous_mock.upstream.tool_calls import ToolCallReader, read_entries
from aurous_mock.upstream.usage import Measured, is_beyond, read_end
from aurous_mock.upstream.values import TextDecoder, UnexpectedResponse, as_list, as_object, as_text

_FINISH_REASONS: Final = {
    **{reason: reason for reason in ("stop", "length", "tool_calls", "content_filter")},
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
}
# Of an answer that its server gave up: SGLang's and vLLM's, DeepSeek's, and this API's own.
_FAILURES: Final = ("error", "abort", "insufficient_system_resource", "cancelled")


class AnswerReader:
    """Reads one answer. All methods raise UnexpectedResponse for what cannot be understood, and APIError for an error
    that the server sent in place of an answer, or in the middle of it."""

    def __init__(self, request: ParsedRequest, redaction: Redaction) -> None:
        self._request = request
        self._redaction = redaction
        self._limit = OutputLimit(request.max_tokens)
        self._calls = ToolCallReader(self._limit)
        self._content = TextDecoder()
        self._stops = StopSequences(request.stops)
        self._index: Any = None
        self._reason: str | None = None
        self._usage: dict[str, Any] = {}
        self._reasoning_characters = 0
        self._has_logprobs = False
        self._is_refusal = False
        self._is_done = False

    @property
    def is_over(self) -> bool:
        """Whether nothing that may follow belongs to the answer."""
        return self._is_done or self._is_cut

    @property
    def _is_cut(self) -> bool:
        """Whether the server ignored a bound of the request, so that the answer ends before its own end."""
        return self._limit.is_reached or self._stops.is_reached

    def end_of_stream(self) -> None:
        """The server said that its stream is complete."""
        self._is_done = True

    def read_body(self, body: Any) -> Iterator[Delta]:
        """A whole answer."""
        members = self._members(body)
        if not members.get("choices"):
            raise UnexpectedResponse("an answer without choices")
        if is_beyond(self._usage, self._request.max_tokens):
            self._limit.be_strict()
        yield from self._read_choices(members)
        self._is_done = True

    def read_chunk(self, chunk: Any) -> Iterator[Delta]:
        """The next chunk of a stream."""
        yield from self._read_choices(self._members(chunk))

    def raise_error(self, data: bytes) -> NoReturn:
        """Raises APIError. data: of an event whose name says that it is an error"""
        raise parse_error(data, self._redaction)

    def flush(self) -> Iterator[AnswerPart]:
        """What is left of the texts, and the end. Raises APIError if the server has not ended its answer."""
        if not self._is_cut:
            self._check_end()
            yield from self._text_deltas(self._content.flush())
            rest, logprobs = self._stops.flush()
            yield from self._admitted(rest, logprobs)
            yield from self._calls.flush()
        if self._request.alternatives is not None and self._limit.tokens and not self._has_logprobs:
            request_log.warn("the upstream server sent no logprobs, which were asked for")
        measured = Measured(self._limit.tokens, -(-self._reasoning_characters // tokens.BYTES_PER_TOKEN))
        yield read_end(self._finish_reason(), self._usage, measured, self._request, is_stopped=self._stops.is_reached)

    def _members(self, body: Any) -> dict[str, Any]:
        members = as_object(body, "the body")
        error = error_in_body(members, self._redaction)
        if error is not None:
            raise error
        usage = members.get("usage")
        if isinstance(usage, Mapping):
            self._usage |= {name: count for name, count in usage.items() if count is not None}
        return members

    def _read_choices(self, members: Mapping[str, Any]) -> Iterator[Delta]:
        for entry in as_list(members.get("choices"), "choices"):
            choice = as_object(entry, "a choice")
            index = choice.get("index") or 0
            if self._index is None:
                self._index = index
            # One choice is asked for. The texts of others must not be mixed with its own.
            if index == self._index:
                yield from self._read_choice(choice)
                return

    def _read_choice(self, choice: Mapping[str, Any]) -> Iterator[Delta]:
        message = as_object(choice.get("delta") or choice.get("message") or {}, "the message of a choice")
        text = as_text(message.get("content"), "content") or as_text(choice.get("text"), "text")
        refusal = as_text(message.get("refusal"), "refusal")
        self._is_refusal = self._is_refusal or bool(refusal)
        for name in ("reasoning_content", "reasoning"):
            if isinstance(message.get(name), str):
                self._reasoning_characters += len(message[name])
                break
        logprobs = read_logprobs(choice) if self._request.alternatives is not None else ()
        self._has_logprobs = self._has_logprobs or bool(logprobs)
        yield from self._text_deltas(self._content.feed(text + refusal), logprobs)
        if self._stops.is_reached:
            return
        for entry in read_entries(message):
            yield from self._calls.read(entry)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason.lower() in _FAILURES:
            request_log.warn(f"the upstream server gave up its answer, with finish_reason {reason.lower()}")
            raise APIError("chat_provider_unavailable", "The provider failed in the middle of its answer.")
        if reason is not None:
            self._reason = reason if isinstance(reason, str) else "stop"

    def _text_deltas(self, text: str, logprobs: Logprobs = ()) -> Iterator[Delta]:
        yield from self._admitted(*self._stops.feed(text, logprobs))

    def _admitted(self, text: str, logprobs: Logprobs) -> Iterator[Delta]:
        text, count = self._limit.admit(text)
        if text or logprobs:
            yield Delta(text, logprobs=logprobs, tokens=count)

    def _check_end(self) -> None:
        if self._reason is not None:
            return
        if not self._is_done:
            request_log.warn("the upstream server hung up in the middle of its answer")
            raise APIError("chat_provider_unavailable", "The provider hung up in the middle of its answer.")
        if not self._limit.tokens and not self._calls.count:
            raise UnexpectedResponse("the end of an answer without an answer")
        request_log.warn("the upstream server gave no finish_reason")

    def _finish_reason(self) -> str:
        if self._limit.is_reached:
            return "length"
        if self._stops.is_reached:
            return "tool_calls" if self._calls.count else "stop"
        reason = _FINISH_REASONS.get((self._reason or "").lower(), "stop")
        if self._reason is None:
            is_full = self._limit.tokens >= self._request.max_tokens
            reason = "length" if is_full else "tool_calls" if self._calls.count else "stop"
        return "content_filter" if self._is_refusal and reason == "stop" else reason


def join(parts: Iterable[AnswerPart]) -> Answer:
    """The whole answer of these parts, the last of which is its end."""
    text = ""
    logprobs: Logprobs = ()
    calls: list[tuple[ToolCall, list[str]]] = []
    end = AnswerEnd("stop")
    for part in parts:
        if isinstance(part, AnswerEnd):
            end = part
            continue
        if part.opens is not None:
            calls.append((part.opens, []))
        if part.call is None:
            text += part.text
            logprobs += part.logprobs
        else:
            calls[part.call][1].append(part.text)
    whole_calls = tuple(ToolCall(call.id, call.name, "".join(texts)) for call, texts in calls)
    return Answer(tuple(tokens.split(text)), whole_calls, end, logprobs)
