"""The loop that lets the model call functions until it answers. Knows no HTTP: a client is what can create completions.

Page: api-reference/chat/tools.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from attrs import frozen
from aurous_client.models import AssistantMessage, ChatCompletion, ChatMessage, ToolCall, ToolMessage
from aurous_client.resources import AsyncResources, Resources

from ..errors import AurousError
from .function_tool import FunctionTool, ToolArgumentsError, tool

__all__ = [
    "AsyncClient",
    "Client",
    "FunctionTool",
    "OnError",
    "ToolArgumentsError",
    "ToolLoopError",
    "ToolRun",
    "UnknownToolError",
    "arun_tools",
    "run_tools",
    "tool",
]

Conversation: TypeAlias = Sequence[ChatMessage | Mapping[str, Any]]
OnError: TypeAlias = Callable[[ToolCall, Exception], str | None]
"""What to tell the model of a call that failed; None for the usual text. It may raise, which ends the loop."""

# Answers that were stopped before their end: the calls in them may be cut.
_CUT_SHORT: Final = frozenset({"length", "content_filter", "cancelled"})


class _Completions(Protocol):
    @property
    def create(self) -> Callable[..., ChatCompletion]: ...


class _Chat(Protocol):
    @property
    def completions(self) -> _Completions: ...


class Client(Protocol):
    """What else than `Aurous` can have `chat.completions.create`, such as a stand-in for tests."""

    @property
    def chat(self) -> _Chat: ...


class _AsyncCompletions(Protocol):
    @property
    def create(self) -> Callable[..., Awaitable[ChatCompletion]]: ...


class _AsyncChat(Protocol):
    @property
    def completions(self) -> _AsyncCompletions: ...


class AsyncClient(Protocol):
    """As `Client`, for asyncio."""

    @property
    def chat(self) -> _AsyncChat: ...


class UnknownToolError(AurousError, LookupError):
    """The model asked for a function that it was not offered. The message is meant for the model."""


class ToolLoopError(AurousError):
    """The loop ended without an answer. Nothing is lost: what was said and charged is here."""

    def __init__(
        self,
        message: str,
        *,
        messages: Conversation,
        completions: Sequence[ChatCompletion],
    ) -> None:
        super().__init__(message)
        self.messages = list(messages)
        """The conversation; its last turn is the model's, with the calls that were not made."""
        self.completions = list(completions)
        """One for each round, with their receipts."""
        self.completion_id = self.completions[-1].id if self.completions else None


@frozen(kw_only=True)
class ToolRun:
    """A loop that came to its end."""

    completion: ChatCompletion
    """The answer: the first without calls."""
    messages: list[ChatMessage | Mapping[str, Any]]
    """The whole conversation, the answer included; with another question behind it, it can go on."""
    completions: list[ChatCompletion]
    """One for each round, with their receipts."""

    @property
    def text(self) -> str:
        """The answer's text; empty where it has none."""
        return self.completion.choices[0].message.content or ""


def run_tools(
    client: Resources[Any] | Client,
    *,
    model: str,
    messages: Conversation,
    tools: Sequence[Callable[..., Any]],
    max_rounds: int = 10,
    on_error: OnError | None = None,
    **options: Any,
) -> ToolRun:
    """Let the model call functions until it answers.

    A call that fails is no end: bad arguments, unknown names and exceptions are handed back to the model as text. The
    calls of one round run one after the other.

    Args:
        client: `Aurous`, or whatever has `chat.completions.create`.
        tools: Tools or plain functions, each with a name of its own.
        max_rounds: How many completions may be made, each of which is charged.
        on_error: Is given each call that failed and its exception; returns what to tell the model, or None for the
            usual text, or raises to end the loop.
        options: Further arguments of `create`. A `tool_choice` that makes the model call holds for the first round.

    Raises ToolLoopError, with the conversation, if there is no answer within `max_rounds` or an answer with calls was
    cut short; what `create` raises; and TypeError for options or functions that do not go with a loop.
    """
    loop = _Loop(model, messages, tools, max_rounds, on_error, options)
    if unfit := [name for name, each in loop.tools.items() if each.is_async]:
        raise TypeError(f"{', '.join(unfit)}: async functions need arun_tools")
    while calls := loop.take(client.chat.completions.create(**loop.request())):
        loop.answer(calls, [_outcome(loop.tools, call) for call in calls])
    return loop.result()


async def arun_tools(
    client: AsyncResources[Any] | AsyncClient,
    *,
    model: str,
    messages: Conversation,
    tools: Sequence[Callable[..., Any]],
    max_rounds: int = 10,
    on_error: OnError | None = None,
    **options: Any,
) -> ToolRun:
    """As `run_tools`, for asyncio. The calls of one round run at the same time, plain functions in threads."""
    loop = _Loop(model, messages, tools, max_rounds, on_error, options)
    while calls := loop.take(await client.chat.completions.create(**loop.request())):
        loop.answer(calls, await asyncio.gather(*(_aoutcome(loop.tools, call) for call in calls)))
    return loop.result()


class _Loop:
    """What both loops do between a completion and the next request. Pure."""

    def __init__(
        self,
        model: str,
        messages: Conversation,
        tools: Sequence[Callable[..., Any]],
        max_rounds: int,
        on_error: OnError | None,
        options: Mapping[str, Any],
    ) -> None:
        if unfit := {"stream", "idempotency_key"} & options.keys():
            raise TypeError(f"{', '.join(sorted(unfit))}: a loop makes several completions, and none is a stream")
        if max_rounds < 1:
            raise ValueError("max_rounds must be at least 1")
        made = [each if isinstance(each, FunctionTool) else FunctionTool(each) for each in tools]
        self.tools = {each.function.name: each for each in made}
        if len(self.tools) < len(made):
            raise TypeError("two tools have the same name")
        self._options = {**options, "model": model, "tools": made}
        self._messages = [*messages]
        self._completions: list[ChatCompletion] = []
        self._max_rounds = max_rounds
        self._on_error = on_error

    def request(self) -> dict[str, Any]:
        """The arguments of the next `create`."""
        options = self._options
        if self._completions and options.get("tool_choice") not in ("auto", "none", None):
            # It would make the model call for ever.
            options = {name: value for name, value in options.items() if name != "tool_choice"}
        return {**options, "messages": [*self._messages]}

    def take(self, completion: ChatCompletion) -> list[ToolCall]:
        """The calls to make; none if the completion is the answer."""
        choice = completion.choices[0]
        calls = choice.message.tool_calls or []
        turn = AssistantMessage(content=choice.message.content)
        if calls:
            turn.tool_calls = calls
        self._messages.append(turn)
        self._completions.append(completion)
        if calls and choice.finish_reason in _CUT_SHORT:
            raise self._error(f"the answer ended with {choice.finish_reason}, so its calls may be incomplete")
        if calls and len(self._completions) >= self._max_rounds:
            raise self._error(f"the model still calls tools after {len(self._completions)} rounds")
        return calls

    def answer(self, calls: Sequence[ToolCall], outcomes: Sequence[str | Exception]) -> None:
        """Hand what became of the calls back to the model."""
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, Exception):
                told = self._on_error(call, outcome) if self._on_error else None
                content = _error_text(outcome) if told is None else told
            else:
                content = outcome
            self._messages.append(ToolMessage(content=content, tool_call_id=call.id))

    def result(self) -> ToolRun:
        return ToolRun(completion=self._completions[-1], messages=self._messages, completions=self._completions)

    def _error(self, message: str) -> ToolLoopError:
        return ToolLoopError(message, messages=self._messages, completions=self._completions)


def _outcome(tools: Mapping[str, FunctionTool[..., Any]], call: ToolCall) -> str | Exception:
    try:
        return _find(tools, call).invoke(call.function.arguments)
    except Exception as error:
        return error


async def _aoutcome(tools: Mapping[str, FunctionTool[..., Any]], call: ToolCall) -> str | Exception:
    try:
        return await _find(tools, call).ainvoke(call.function.arguments)
    except Exception as error:
        return error


def _find(tools: Mapping[str, FunctionTool[..., Any]], call: ToolCall) -> FunctionTool[..., Any]:
    if call.function.name not in tools:
        raise UnknownToolError(f"there is no tool {call.function.name!r}; there are: {', '.join(tools)}")
    return tools[call.function.name]


def _error_text(error: Exception) -> str:
    """What the model is told of a failed call."""
    if isinstance(error, ToolArgumentsError):
        kind, message = "invalid_arguments", str(error)
    elif isinstance(error, UnknownToolError):
        kind, message = "unknown_tool", str(error)
    else:
        kind, message = "tool_failed", f"{type(error).__name__}: {error}"
    return json.dumps({"error": {"type": kind, "message": message}}, ensure_ascii=False)
