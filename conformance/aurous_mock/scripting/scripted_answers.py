"""Reads what a scripted answer says, as text or as the members of a message, into the answer of an engine.

"Four degrees."                                               text
{"content": "...", "finish_reason": "content_filter"}         a message, also as the API sends it
{"json": {"name": "Ada", "age": 36}}                          text that is JSON
{"name": "get_weather", "arguments": {"city": "Oslo"}}        a tool call; several are a list
"""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson

from aurous_mock import identifiers
from aurous_mock.billing import pricing
from aurous_mock.generation import logprobs, tokens
from aurous_mock.generation.answer import Answer, AnswerEnd, ToolCall, cut_at_stop
from aurous_mock.generation.parsed_request import ParsedRequest

HEADER: Final = "aurous-mock-answer"
FINISH_REASONS: Final = ("stop", "length", "tool_calls", "content_filter")
MOST_REASONING: Final = 10_000_000
# `role` is in messages as the API sends them, and says nothing.
_MEMBERS: Final = frozenset({"content", "json", "tool_calls", "finish_reason", "reasoning_tokens", "role"})
_CALL_MEMBERS: Final = frozenset({"id", "type", "function", "name", "arguments"})


def read_header(text: str) -> Any:
    """The scripted answer of a request header: JSON of an object, a list or a string, and else text as it is.

    Raises ValueError, which says what is wrong.
    """
    # Servers read headers as Latin-1, and programs send UTF-8.
    with suppress(UnicodeDecodeError):
        text = text.encode("latin-1").decode()
    answer: Any = text
    if text.lstrip().startswith(("{", "[", '"')):
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"this begins as JSON, and is not: {error}") from error
    check_answer(answer)
    return answer


def check_answer(answer: Any) -> None:
    """Raise ValueError, which says what is wrong, for what is no scripted answer."""
    answer = _as_message(answer)
    if not isinstance(answer, Mapping):
        raise ValueError(f"an answer is text, an object, or a list of tool calls, and not {_shown(answer)}")
    _check_names(answer, _MEMBERS, "an answer")
    if not {"content", "json", "tool_calls", "finish_reason"} & answer.keys():
        raise ValueError("an answer has content, json, tool_calls or finish_reason")
    content = answer.get("content")
    if content is not None and not isinstance(content, str):
        raise ValueError(f"content is text, and not {_shown(content)}; for JSON use json")
    if content is not None and "json" in answer:
        raise ValueError("an answer has content or json, and not both")
    reason = answer.get("finish_reason")
    if reason is not None and reason not in FINISH_REASONS:
        raise ValueError(f"{_shown(reason)} is no finish_reason; they are {', '.join(FINISH_REASONS)}")
    reasoning = answer.get("reasoning_tokens", 0)
    if isinstance(reasoning, bool) or not isinstance(reasoning, int) or not 0 <= reasoning <= MOST_REASONING:
        raise ValueError(f"reasoning_tokens is a whole number from 0 to {MOST_REASONING}")
    for call in _calls(answer):
        _check_call(call)


def _as_message(answer: Any) -> Any:
    """Text, and tool calls on their own, as members of a message."""
    if isinstance(answer, str):
        return {"content": answer}
    if isinstance(answer, Mapping):
        return {"tool_calls": [answer]} if "name" in answer or "function" in answer else answer
    return {"tool_calls": [*answer]} if isinstance(answer, list | tuple) and answer else answer


def _check_call(call: Any) -> None:
    if not isinstance(call, Mapping):
        raise ValueError(f"a tool call is an object with name and arguments, and not {_shown(call)}")
    _check_names(call, _CALL_MEMBERS, "a tool call")
    function = call.get("function", call)
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ValueError("a tool call has a name")
    if not isinstance(call.get("id") or "", str):
        raise ValueError(f"the id of a tool call is text, and not {_shown(call['id'])}")
    if not isinstance(function.get("arguments", {}), str | Mapping):
        raise ValueError("the arguments of a tool call are an object, or its JSON text")


def _check_names(members: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    unknown = sorted(str(name) for name in members if name not in known)
    if unknown:
        raise ValueError(f"{what} has no {unknown[0]!r}; its members are {', '.join(sorted(known))}")


def _calls(answer: Mapping[str, Any]) -> Sequence[Any]:
    calls: Any = answer.get("tool_calls")
    if calls is not None and not isinstance(calls, list | tuple):
        raise ValueError("tool_calls is a list")
    return calls or ()


def compose_answer(scripted: Any, request: ParsedRequest) -> Answer:
    """The answer to a request that a checked scripted answer stands for, cut by `max_tokens` and `stop`."""
    members: Mapping[str, Any] = _as_message(scripted)
    text = orjson.dumps(members["json"]).decode() if "json" in members else members.get("content") or ""
    all_tokens = tokens.split(cut_at_stop(text, request.stops))
    content = tuple(all_tokens[: request.max_tokens])
    rng = random.Random(request.digest)
    left, cut, calls = request.max_tokens - len(content), len(content) < len(all_tokens), []
    for call in _calls(members):
        made = _tool_call(call, rng)
        parts = tokens.split(made.arguments)
        calls.append(ToolCall(made.id, made.name, "".join(parts[:left])))
        cut, left = cut or left < len(parts), max(left - len(parts), 0)
    reason = "length" if cut else members.get("finish_reason") or ("tool_calls" if calls else "stop")
    entries = () if request.alternatives is None else logprobs.entries(content, request.alternatives, request.digest)
    # No more than the credits are held for.
    reasoning = min(members.get("reasoning_tokens", 0), pricing.REASONING_TOKENS[request.effort] + left)
    return Answer(content, tuple(calls), AnswerEnd(reason, reasoning), tuple(entries))


def _tool_call(call: Mapping[str, Any], rng: random.Random) -> ToolCall:
    function = call.get("function", call)
    arguments = function.get("arguments", {})
    text = arguments if isinstance(arguments, str) else orjson.dumps(dict(arguments)).decode()
    return ToolCall(call.get("id") or identifiers.derived("call_", rng), function["name"], text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
