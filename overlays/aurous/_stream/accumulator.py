"""Assembles the chunks of a stream into a completion.

Page: api-reference/chat/streaming.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field
from aurous_client.models import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    CompletionStatus,
    FinishReason,
    FunctionCall,
    Logprobs,
    ResponseMessage,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from aurous_client.types import UNSET

from .._request.repair import MISSING_INDEX
from ..errors import IncompleteCompletionError

# Undocumented text that OpenAI's servers send in pieces. Of other unknown members the last value is kept.
_CONCATENATED: Final = frozenset({"refusal"})


@define(kw_only=True)
class CompletionWithoutUsage(ChatCompletion):
    """A `ChatCompletion` of a stream that ended well, but whose server sent no `usage`."""

    usage: None = field(default=None, init=False)  # type: ignore[assignment]
    """`stream_options={"include_usage": False}` excludes it, and some servers never send it."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it, without `usage`."""
        encoded = super().to_dict()
        del encoded["usage"]
        return encoded


class Accumulator:
    """The answer so far, under the names of a `ChatCompletion`; None for what is not known.

    It can be read at any time, and values that were read do not change with later chunks.

    redact: removes the key from id and model
    """

    def __init__(self, redact: Callable[[str], str] = str) -> None:
        self._redact = redact
        self.id: str | None = None
        self.created: int | None = None
        """Unix seconds."""
        self.model: str | None = None
        self.finish_reason: FinishReason | str | None = None
        self.usage: Usage | None = None
        """The last that was received."""
        self.index: int | None = None
        """The index of the choice that is assembled: that of the first."""
        self._has_chunks = False
        self._role: str | None = None
        # A list of pieces would take many times the memory, and a `str` would be copied with every chunk.
        self._text = bytearray()
        self._has_text = False
        self._calls: dict[int, _ToolCallParts] = {}
        self._last_call = 0
        self._tokens: list[TokenLogprob] | None = None
        self._extras: dict[str, Any] = {}
        self._choice_extras: dict[str, Any] = {}
        self._message_extras: dict[str, Any] = {}
        self._logprobs_extras: dict[str, Any] | None = None
        self._inconsistencies: dict[str, str] = {}

    @property
    def finished(self) -> bool:
        """Whether a finish_reason was received."""
        return self.finish_reason is not None

    @property
    def text(self) -> str:
        """The content; empty if there is none yet."""
        return _join_surrogates(self._text.decode("utf-8", "surrogatepass"))

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls by index. An id or name that was not received yet is empty; arguments may be incomplete."""
        return [self._calls[index].build() for index in sorted(self._calls)]

    @property
    def choice(self) -> Choice:
        """The answer as in a `ChatCompletion`. Unlike `completion()`, it needs no usage."""
        calls = self.tool_calls
        message = ResponseMessage(
            role=self._role or "assistant",
            # A stored completion has null beside calls, and an empty text if the model wrote nothing.
            content=self.text or (None if calls or not self._has_text else ""),
        )
        if calls:
            message.tool_calls = calls
        message.additional_properties = {**self._message_extras}
        choice = Choice(index=self.index or 0, message=message, finish_reason=self.finish_reason, logprobs=None)
        if self._logprobs_extras is not None:
            choice.logprobs = Logprobs(content=None if self._tokens is None else [*self._tokens])
            choice.logprobs.additional_properties = {**self._logprobs_extras}
        choice.additional_properties = {**self._choice_extras}
        return choice

    @property
    def inconsistencies(self) -> list[str]:
        """Contradictions between chunks, such as a changed id: one line for each kind, however often it occurs."""
        return [*self._inconsistencies.values()]

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Add the next chunk."""
        # Members are compared with UNSET where its truth would do: that would be a call of a Python function.
        if chunk.id != self.id or chunk.created != self.created or chunk.model != self.model:
            self._add_head(chunk)
        if chunk.usage is not UNSET and chunk.usage:
            self.usage = chunk.usage
        extras = chunk.additional_properties
        if extras:
            self._extras.update(extras)
            if "warning" in extras or "error" in extras:
                # They concern the stream, and are not part of the stored completion.
                self._extras.pop("warning", None)
                self._extras.pop("error", None)
        for choice in chunk.choices:
            if self.index is None:
                self.index = choice.index
            if choice.index == self.index:
                self._add_choice(choice)
            else:
                self.note("choices", f"there is a choice {choice.index} beside {self.index}; it was left out")

    def completion(self) -> ChatCompletion | CompletionWithoutUsage:
        """The completion so far. After a whole stream it equals what retrieving it by id returns.

        Raises IncompleteCompletionError without any chunk.
        """
        if not self._has_chunks:
            raise IncompleteCompletionError("there is no chunk yet")
        members: dict[str, Any] = {
            "id": self.id or "",
            "created": self.created or 0,
            "model": self.model or "",
            "choices": [self.choice],
            "status": self._status(),
        }
        completion: ChatCompletion | CompletionWithoutUsage
        if self.usage is None:
            completion = CompletionWithoutUsage(**members)
        else:
            completion = ChatCompletion(**members, usage=self.usage)
        completion.additional_properties = {**self._extras}
        return completion

    def _add_head(self, chunk: ChatCompletionChunk) -> None:
        self._has_chunks = True
        for name in ("id", "created", "model"):
            first, now = getattr(self, name), getattr(chunk, name)
            if isinstance(now, str):
                now = self._redact(now)
                setattr(chunk, name, now)
            if not now:
                # A server that leaves it out means that of the other chunks.
                setattr(chunk, name, first or now)
            elif first is None:
                setattr(self, name, now)
            elif now != first:
                self.note(name, f"{name} changed from {first!r} to {now!r}")

    def _add_choice(self, choice: ChunkChoice) -> None:
        if choice.finish_reason is not UNSET and choice.finish_reason:
            if self.finish_reason not in (None, choice.finish_reason):
                self.note(
                    "finish_reason", f"finish_reason changed from {self.finish_reason!r} to {choice.finish_reason!r}"
                )
            self.finish_reason = choice.finish_reason
        if choice.logprobs is not UNSET and choice.logprobs:
            self._logprobs_extras = {**(self._logprobs_extras or {}), **choice.logprobs.additional_properties}
            if choice.logprobs.content is not None:
                self._tokens = self._tokens or []
                self._tokens += choice.logprobs.content
        if choice.additional_properties:
            self._choice_extras |= choice.additional_properties
        delta = choice.delta
        text = delta.content
        if isinstance(text, str):
            self._has_text = True
            self._text += text.encode("utf-8", "surrogatepass")
            if "\ufffd" in text:
                self.note("content", "content has U+FFFD, which replaces bytes that were not UTF-8")
        if self._role is None and delta.role:
            self._role = delta.role
        if delta.tool_calls is not UNSET:
            self._add_tool_calls(delta.tool_calls)
        if delta.additional_properties:
            _merge(self._message_extras, delta.additional_properties)

    def _add_tool_calls(self, pieces: list[ToolCallDelta]) -> None:
        for piece in pieces:
            call = self._calls.get(piece.index)
            if call is None or (piece.id is not UNSET and piece.id):
                # Only where a call may begin.
                piece.index = self._index_of(piece)
                call = self._calls.get(piece.index)
            if call is None:
                call = self._calls[piece.index] = _ToolCallParts()
            if piece.id is not UNSET and piece.id != call.id and piece.id and call.id:
                self.note("tool_calls", f"the id of call {piece.index} changed from {call.id!r} to {piece.id!r}")
            call.add(piece)
            self._last_call = piece.index

    def _index_of(self, piece: ToolCallDelta) -> int:
        """The call that a piece belongs to: that of its index, unless the index is missing or that of another call."""
        index = self._last_call if piece.index == MISSING_INDEX else piece.index
        known = self._calls.get(index)
        if not piece.id or known is None or known.id in ("", piece.id):
            return index
        same = next((other for other, call in self._calls.items() if call.id == piece.id), None)
        # Some servers repeat the index for the next call, and some change the id within one; only a call has a name.
        if same is None and piece.index != MISSING_INDEX and not (piece.function and piece.function.name):
            return index
        if piece.index != MISSING_INDEX:
            self.note("tool_calls.index", f"calls {known.id!r} and {piece.id!r} have the same index, {piece.index}")
        return max(self._calls) + 1 if same is None else same

    def note(self, kind: str, message: str) -> None:
        """Add an inconsistency, unless there is one of its kind."""
        self._inconsistencies.setdefault(kind, message)

    def _status(self) -> CompletionStatus:
        if self.finish_reason is None:
            return "in_progress"
        return "cancelled" if self.finish_reason == "cancelled" else "completed"


class _ToolCallParts:
    """A tool call. Id, type and name are set once, since servers repeat them; arguments arrive in pieces."""

    def __init__(self) -> None:
        self.id = ""
        self.type = ""
        self.name = ""
        self.arguments = bytearray()
        self.extras: dict[str, Any] = {}
        self.function_extras: dict[str, Any] = {}

    def add(self, piece: ToolCallDelta) -> None:
        if piece.id is not UNSET:
            self.id = self.id or piece.id
        if piece.type is not UNSET:
            self.type = self.type or piece.type
        if piece.additional_properties:
            self.extras |= piece.additional_properties
        function = piece.function
        if function is not UNSET:
            if function.name is not UNSET:
                self.name = self.name or function.name
            if function.arguments is not UNSET:
                self.arguments += function.arguments.encode("utf-8", "surrogatepass")
            if function.additional_properties:
                self.function_extras |= function.additional_properties

    def build(self) -> ToolCall:
        arguments = _join_surrogates(self.arguments.decode("utf-8", "surrogatepass"))
        function = FunctionCall(name=self.name, arguments=arguments)
        function.additional_properties = {**self.function_extras}
        call = ToolCall(id=self.id, type=self.type or "function", function=function)
        call.additional_properties = {**self.extras}
        return call


def _merge(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        before = known.get(name)
        if name in _CONCATENATED and isinstance(before, str):
            known[name] = before + (value if isinstance(value, str) else "")
        else:
            known[name] = value


def _join_surrogates(text: str) -> str:
    """The text, in which surrogates that arrived in different chunks are joined to one character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text
