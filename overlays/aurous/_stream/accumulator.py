"""Puts the chunks of a streamed answer together. Knows chunks; no bytes, no HTTP, and not whether more are to come.

Page: api-reference/chat/streaming.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aurous_client.models import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    ChunkDelta,
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

from ..errors import AurousError

# Members of a frame that speak of the stream. The stored completion has none of them.
_OF_THE_STREAM: Final = frozenset({"warning", "error"})
# Undocumented text that OpenAI's servers send in pieces; of any other unknown member the last value is kept.
_IN_PIECES: Final = frozenset({"refusal"})


class IncompleteCompletionError(AurousError):
    """What has come makes no `ChatCompletion`: no chunk has, or none with usage.

    Usage is in the last chunk, and in none after `stream_options={"include_usage": False}`. The stored completion has
    it in either case, and can be retrieved by its id.
    """

    def __init__(self, missing: str) -> None:
        super().__init__(f"this is not a whole completion: {missing}")
        self.missing = missing
        """What has not come, in a few words."""


class Accumulator:
    """The answer as far as it has come, under the names of a `ChatCompletion`; None where nothing is known.

    All of it can be read at any time, and nothing that was handed out changes with the chunks that follow.
    """

    def __init__(self) -> None:
        self.id: str | None = None
        self.created: int | None = None
        """Unix seconds."""
        self.model: str | None = None
        self.finish_reason: FinishReason | str | None = None
        self.usage: Usage | None = None
        """The latest; be it from the last chunk, or from one of its own behind it."""
        self._head: tuple[str, int, str] | None = None
        self._index: int | None = None
        self._role: str | None = None
        # As UTF-8: a list of pieces takes many times the memory, and a `str` would be copied with every chunk.
        self._text = bytearray()
        self._has_text = False
        self._calls: dict[int, _Call] = {}
        self._tokens: list[TokenLogprob] | None = None
        self._extras: dict[str, Any] = {}
        self._choice_extras: dict[str, Any] = {}
        self._message_extras: dict[str, Any] = {}
        self._logprobs_extras: dict[str, Any] | None = None
        self._inconsistencies: dict[str, str] = {}

    @property
    def finished(self) -> bool:
        """Whether a finish_reason has come."""
        return self.finish_reason is not None

    @property
    def text(self) -> str:
        """The content; empty where none has come."""
        return self._text.decode("utf-8", "surrogatepass")

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls, by their index. An id or a name that has not come is empty, and arguments are what there is."""
        return [self._calls[index].made() for index in sorted(self._calls)]

    @property
    def choice(self) -> Choice:
        """The answer in the form that it has in a `ChatCompletion`. Unlike the whole, it needs no usage."""
        calls = self.tool_calls
        message = ResponseMessage(
            role=self._role or "assistant",
            # What is retrieved has null beside calls, and an empty text where the model said nothing.
            content=self.text or (None if calls or not self._has_text else ""),
        )
        if calls:
            message.tool_calls = calls
        message.additional_properties = {**self._message_extras}
        choice = Choice(index=self._index or 0, message=message, finish_reason=self.finish_reason, logprobs=None)
        if self._logprobs_extras is not None:
            choice.logprobs = Logprobs(content=None if self._tokens is None else [*self._tokens])
            choice.logprobs.additional_properties = {**self._logprobs_extras}
        choice.additional_properties = {**self._choice_extras}
        return choice

    @property
    def inconsistencies(self) -> list[str]:
        """What does not fit together, such as an id that changed: one line for each kind, however often it occurs."""
        return [*self._inconsistencies.values()]

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in the next chunk."""
        head = (chunk.id, chunk.created, chunk.model)
        if head != self._head:
            self._take_head(head)
        if chunk.usage:
            self.usage = chunk.usage
        if chunk.additional_properties:
            self._extras |= {
                name: value for name, value in chunk.additional_properties.items() if name not in _OF_THE_STREAM
            }
        for choice in chunk.choices:
            if self._index is None:
                self._index = choice.index
            if choice.index == self._index:
                self._add_choice(choice)
            else:
                self._note("choices", f"there is a choice {choice.index} beside {self._index}; it was left out")

    def add_text(self, text: str) -> None:
        """Take in a chunk of which all but the text is known."""
        self._has_text = True
        self._text += text.encode("utf-8", "surrogatepass")
        if "\ufffd" in text:
            self._note("content", "content has U+FFFD, which stands for bytes that were no UTF-8")

    def completion(self, *, status: CompletionStatus | str | None = None) -> ChatCompletion:
        """The completion, so far or whole. Of a whole stream it is what retrieving it by id returns.

        status: how it ended, where that is known; otherwise the finish_reason decides, and without one it is
            `in_progress`.

        Raises IncompleteCompletionError if no chunk has come, or no usage: a `ChatCompletion` has both.
        """
        if self.id is None or self.created is None or self.model is None:
            raise IncompleteCompletionError("no chunk has come")
        if self.usage is None:
            raise IncompleteCompletionError("its usage has not come")
        completion = ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[self.choice],
            usage=self.usage,
            status=status or self._status(),
        )
        completion.additional_properties = {**self._extras}
        return completion

    def _take_head(self, head: tuple[str, int, str]) -> None:
        if self._head is None:
            self._head = self.id, self.created, self.model = head
        for name, first, now in zip(("id", "created", "model"), self._head, head, strict=True):
            if now != first:
                self._note(name, f"{name} changed from {first!r} to {now!r}")

    def _add_choice(self, choice: ChunkChoice) -> None:
        if choice.finish_reason:
            if self.finish_reason not in (None, choice.finish_reason):
                self._note(
                    "finish_reason", f"finish_reason changed from {self.finish_reason!r} to {choice.finish_reason!r}"
                )
            self.finish_reason = choice.finish_reason
        if choice.logprobs:
            self._logprobs_extras = {**(self._logprobs_extras or {}), **choice.logprobs.additional_properties}
            if choice.logprobs.content is not None:
                self._tokens = self._tokens or []
                self._tokens += choice.logprobs.content
        if choice.additional_properties:
            self._choice_extras |= choice.additional_properties
        self._add_delta(choice.delta)

    def _add_delta(self, delta: ChunkDelta) -> None:
        if delta.role and self._role is None:
            self._role = delta.role
        if isinstance(delta.content, str):
            self.add_text(delta.content)
        for piece in delta.tool_calls or ():
            call = self._calls.setdefault(piece.index, _Call())
            if piece.id and call.id and piece.id != call.id:
                self._note("tool_calls", f"the id of call {piece.index} changed from {call.id!r} to {piece.id!r}")
            call.add(piece)
        if delta.additional_properties:
            _merge(self._message_extras, delta.additional_properties)

    def _note(self, kind: str, message: str) -> None:
        self._inconsistencies.setdefault(kind, message)

    def _status(self) -> CompletionStatus:
        if self.finish_reason is None:
            return "in_progress"
        return "cancelled" if self.finish_reason == "cancelled" else "completed"


class _Call:
    """One call. Id, type and name are set once, since servers repeat them; arguments come in pieces."""

    def __init__(self) -> None:
        self.id = ""
        self.type = ""
        self.name = ""
        self.arguments: list[str] = []
        self.extras: dict[str, Any] = {}
        self.function_extras: dict[str, Any] = {}

    def add(self, piece: ToolCallDelta) -> None:
        self.id = self.id or piece.id or ""
        self.type = self.type or piece.type or ""
        self.extras |= piece.additional_properties
        if piece.function:
            self.name = self.name or piece.function.name or ""
            self.arguments.append(piece.function.arguments or "")
            self.function_extras |= piece.function.additional_properties

    def made(self) -> ToolCall:
        self.arguments = ["".join(self.arguments)]
        function = FunctionCall(name=self.name, arguments=self.arguments[0])
        function.additional_properties = {**self.function_extras}
        call = ToolCall(id=self.id, type=self.type or "function", function=function)
        call.additional_properties = {**self.extras}
        return call


def _merge(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        before = known.get(name)
        if name in _IN_PIECES and isinstance(before, str):
            known[name] = before + (value if isinstance(value, str) else "")
        else:
            known[name] = value
