"""The tool loop: lets the model call functions until it answers.

Page: api-reference/chat/tools.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeAlias, TypeVar

from attrs import frozen
from aurous_client.models import AssistantMessage, ChatCompletion, ChatMessage, ResponseMessage, ToolCall, ToolMessage
from aurous_client.resources import AsyncResources, Resources

from ..errors import AurousError
from .function_tool import FunctionTool, ToolArgumentsError, ToolResultError, tool
from .invocation import UnknownToolError, ainvoke, error_text, invoke, sendable

logger = logging.getLogger("aurous")

__all__ = [
    "AsyncClient",
    "Client",
    "FunctionTool",
    "OnError",
    "ToolArgumentsError",
    "ToolLoopError",
    "ToolResultError",
    "ToolRun",
    "UnknownToolError",
    "arun_tools",
    "run_tools",
    "tool",
]

CreatedT = TypeVar("CreatedT", covariant=True)
Conversation: TypeAlias = Sequence[ChatMessage | ResponseMessage | Mapping[str, Any]]
OnError: TypeAlias = Callable[[ToolCall, Exception], str | None]
"""Returns the text that the model gets for a failed call; None for the usual text. It may raise to end the loop."""

_NO_CHOICES: Final = (
    "the completion {} has no choices, so neither an answer nor calls; its status is {}: retrieve it to see what became"
    " of it, or run the loop again with the messages of this error"
)
# Answers that were stopped before their end: the calls in them may be incomplete.
_TRUNCATED: Final = frozenset({"length", "content_filter", "cancelled"})


class _Completions(Protocol[CreatedT]):
    @property
    def create(self) -> Callable[..., CreatedT]: ...


class _Chat(Protocol[CreatedT]):
    @property
    def completions(self) -> _Completions[CreatedT]: ...


class _HasChat(Protocol[CreatedT]):
    @property
    def chat(self) -> _Chat[CreatedT]: ...


Client: TypeAlias = _HasChat[ChatCompletion]
"""Anything besides `Aurous` that has `chat.completions.create`, such as a stand-in for tests."""
AsyncClient: TypeAlias = _HasChat[Awaitable[ChatCompletion]]
"""As `Client`, for asyncio."""


class ToolLoopError(AurousError):
    """The loop ended without an answer. The conversation and the completions that were charged are kept here."""

    def __init__(
        self,
        message: str,
        *,
        messages: Conversation,
        completions: Sequence[ChatCompletion],
    ) -> None:
        super().__init__(message)
        self.messages = list(messages)
        """The conversation. If the last message is the model's, it has the calls that were not made."""
        self.completions = list(completions)
        """One for each round, with their receipts."""
        self.completion_id = self.completions[-1].id if self.completions else None


@frozen(kw_only=True)
class ToolRun:
    """A finished loop."""

    completion: ChatCompletion
    """The answer: the first completion without calls."""
    messages: list[ChatMessage | ResponseMessage | Mapping[str, Any]]
    """The whole conversation, including the answer. Append another question to continue it."""
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

    A failed tool call does not end the loop: bad arguments, unknown names, exceptions and results that cannot be sent
    are reported to the model as text. The calls of one round run one after the other.

    Args:
        client: `Aurous`, or anything that has `chat.completions.create`.
        tools: Tools or plain functions, each with a different name.
        max_rounds: How many completions may be made, each of which is charged.
        on_error: Called with each failed call and its exception. Returns the text for the model, or None for the usual
            text, or raises to end the loop.
        options: Further arguments of `create`. A `tool_choice` that forces a call applies to the first round only.

    Raises ToolLoopError if there is no answer within `max_rounds`, a completion has no choices or an answer with calls
    was truncated; what `create` and `on_error` raise; and TypeError or ValueError for options and functions that a loop
    cannot use. Whatever ends a loop has its attributes `messages` and `completions`: to go on, call `run_tools` again
    with these messages.
    """
    if isinstance(client, AsyncResources):
        raise TypeError("an asynchronous client needs arun_tools")
    loop = _Loop(model, messages, tools, max_rounds, on_error, options)
    if async_names := [name for name, each in loop.tools.items() if each.is_async]:
        raise TypeError(f"{', '.join(async_names)}: async functions need arun_tools")
    with loop:
        while calls := loop.receive(client.chat.completions.create(**loop.request())):
            for call in calls:
                loop.add_result(call, invoke(loop.tools, call))
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
    if isinstance(client, Resources):
        raise TypeError("arun_tools needs an asynchronous client, AsyncAurous; with this one call run_tools")
    loop = _Loop(model, messages, tools, max_rounds, on_error, options)
    with loop:
        while calls := loop.receive(await client.chat.completions.create(**loop.request())):
            tasks = [asyncio.ensure_future(ainvoke(loop.tools, call)) for call in calls]
            try:
                await asyncio.gather(*tasks)
            except BaseException:
                for task in tasks:
                    task.cancel()
                finished = [(call, task) for call, task in zip(calls, tasks, strict=True) if task.done()]
                for call, task in finished:
                    if not task.cancelled() and task.exception() is None:
                        loop.add_message(call, task.result())
                raise
            loop.add_results([(call, task.result()) for call, task in zip(calls, tasks, strict=True)])
    return loop.result()


class _Loop:
    """The state of a loop and its steps between requests, without I/O. As a context, it adds its state to errors."""

    def __init__(
        self,
        model: str,
        messages: Conversation,
        tools: Sequence[Callable[..., Any]],
        max_rounds: int,
        on_error: OnError | None,
        options: Mapping[str, Any],
    ) -> None:
        if invalid := {"stream", "idempotency_key"} & options.keys():
            raise TypeError(f"{', '.join(sorted(invalid))}: a loop makes several completions, and none is a stream")
        if max_rounds < 1:
            raise ValueError("max_rounds must be at least 1")
        function_tools = [each if isinstance(each, FunctionTool) else FunctionTool(each) for each in tools]
        self.tools = {each.function.name: each for each in function_tools}
        if len(self.tools) < len(function_tools):
            raise TypeError("two tools have the same name")
        self._options = {**options, "model": model, "tools": function_tools}
        self._messages = [*messages]
        self._completions: list[ChatCompletion] = []
        self._max_rounds = max_rounds
        self._on_error = on_error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # On any error, whether or not it is of this package: what was charged must not be lost.
            vars(error).update(messages=[*self._messages], completions=[*self._completions])

    def request(self) -> dict[str, Any]:
        """The arguments of the next `create`."""
        options = self._options
        if self._completions and options.get("tool_choice") not in ("auto", "none", None):
            # It would force a call in every round.
            options = {name: value for name, value in options.items() if name != "tool_choice"}
        return {**options, "messages": [*self._messages]}

    def receive(self, completion: ChatCompletion) -> list[ToolCall]:
        """Record a completion. Returns the calls to make; none if it is the answer."""
        self._completions.append(completion)
        if not completion.choices:
            raise self._error(_NO_CHOICES.format(completion.id, completion.status))
        choice = completion.choices[0]
        calls = choice.message.tool_calls or []
        message = AssistantMessage(content=choice.message.content)
        if calls:
            message.tool_calls = calls
        self._messages.append(message)
        if calls and choice.finish_reason in _TRUNCATED:
            raise self._error(f"the answer ended with {choice.finish_reason}, so its calls may be incomplete")
        if calls and len(self._completions) >= self._max_rounds:
            raise self._error(f"the model still calls tools after {len(self._completions)} rounds")
        return calls

    def add_result(self, call: ToolCall, result: str | Exception) -> None:
        """Add the result of a call to the conversation, or what `on_error` makes of its error."""
        if isinstance(result, Exception):
            if isinstance(result, ToolResultError):
                # A fault of the program, not of the model.
                logger.warning("%s", result)
            text = self._on_error(call, result) if self._on_error else None
            result = result if text is None else text
        self.add_message(call, result)

    def add_results(self, results: Sequence[tuple[ToolCall, str | Exception]]) -> None:
        """Add the results of a round; those of all calls that were made, also if `on_error` raises for one of them."""
        for number, (call, result) in enumerate(results, 1):
            try:
                self.add_result(call, result)
            except BaseException:
                for other, made in results[number:]:
                    if not isinstance(made, Exception):
                        self.add_message(other, made)
                raise

    def add_message(self, call: ToolCall, result: str | Exception) -> None:
        content = error_text(result) if isinstance(result, Exception) else sendable(result)
        self._messages.append(ToolMessage(content=content, tool_call_id=call.id))

    def result(self) -> ToolRun:
        return ToolRun(completion=self._completions[-1], messages=self._messages, completions=self._completions)

    def _error(self, message: str) -> ToolLoopError:
        return ToolLoopError(message, messages=self._messages, completions=self._completions)
