"""Owns what makes a generated request fair: it fails by its own fault or not at all; sends nothing.

A generator that knows only the schema asks for models that do not exist, versions that were never published and
pictures that nobody can fetch. A server that refuses those keeps the contract. So whatever is well formed, and still
could be refused, is replaced here by something that every server must accept; what is malformed stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from harness import contract

_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PIXEL = f"data:image/png;base64,{_PNG}"
FUNCTION = "get_weather"
OPEN_SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}
# Little of an answer, and no reasoning: on a live server every word is paid for.
FRUGAL: dict[str, Any] = {"max_tokens": 8, "reasoning_effort": "minimal"}
WHOLE = ("max_tokens", "seed", "top_logprobs")


def temper(body: Any, model: str) -> Any:
    """A generated body, with everything well formed replaced by something acceptable."""
    if not isinstance(body, dict):
        return body
    fair = {name: _REPLACED.get(name, _unchanged)(value) for name, value in body.items()}
    fair = {**FRUGAL, **fair}
    if isinstance(fair.get("model"), str) and len(fair["model"]) <= 128:
        fair["model"] = model
    if fair.get("top_logprobs") is not None and fair.get("logprobs") is False:
        fair["logprobs"] = True
    if _chooses(fair.get("tool_choice")) and not fair.get("tools"):
        del fair["tool_choice"]
    return fair


def temper_headers(headers: dict[str, Any], version: str, aim: str | None) -> dict[str, Any]:
    """Generated headers: a published version and an unused key, unless the version is what the case is about."""
    fair = {name: value for name, value in headers.items() if name.lower() not in ("idempotency-key", "aurous-version")}
    given = {name.lower(): value for name, value in headers.items()}
    if "idempotency-key" in given:
        fair["Idempotency-Key"] = str(uuid4())
    aimed = aim is not None and aim.lower() == "aurous-version"
    fair["Aurous-Version"] = given.get("aurous-version", version) if aimed else version
    return fair


def is_excusable(body: Any) -> bool:
    """Whether a body is wrong only in a way that servers may overlook.

    A null may pass for a member that is left out, 2.5 for a number (the page types whole numbers so), and
    `vision_quality` is not on the primary page at all.
    """
    lenient = {name: value for name, value in _without_nulls(body).items() if name != "vision_quality"}
    for name in WHOLE:
        if isinstance(lenient.get(name), float):
            lenient[name] = int(lenient[name])
    return not contract.misfits("ChatCompletionRequest", lenient)


def is_streamed(body: Any) -> bool:
    return isinstance(body, dict) and body.get("stream") is True


def _unchanged(value: Any) -> Any:
    return value


def _tokens(value: Any) -> Any:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    return min(int(value), FRUGAL["max_tokens"]) if whole and value >= 1 else value


def _messages(messages: Any) -> Any:
    return [_message(message) for message in messages] if isinstance(messages, list) else messages


def _message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    content = message.get("content")
    if isinstance(content, list):
        return {**message, "content": [_part(part) for part in content]}
    return message


def _part(part: Any) -> Any:
    if contract.misfits("ContentPart", part):
        return part
    if part["type"] == "image_url":
        return {**part, "image_url": {**part["image_url"], "url": PIXEL, "detail": "low"}}
    return {"type": "text", "text": "A video."} if part["type"] == "video_url" else part


def _tools(tools: Any) -> Any:
    return [_tool(tool) for tool in tools] if isinstance(tools, list) else tools


def _tool(tool: Any) -> Any:
    if contract.misfits("Tool", tool):
        return tool
    parameters = {"parameters": OPEN_SCHEMA} if "parameters" in tool["function"] else {}
    return {**tool, "function": {**tool["function"], "name": FUNCTION, **parameters}}


def _tool_choice(choice: Any) -> Any:
    return "auto" if _chooses(choice) else choice


def _chooses(choice: Any) -> bool:
    return choice is not None and not contract.misfits("ToolChoice", choice)


def _response_format(wanted: Any) -> Any:
    if contract.misfits("ResponseFormat", wanted) or wanted["type"] != "json_schema":
        return wanted
    return {**wanted, "json_schema": {**wanted["json_schema"], "name": "answer", "schema": OPEN_SCHEMA}}


def _effort(effort: Any) -> Any:
    return effort if contract.misfits("ReasoningEffort", effort) else FRUGAL["reasoning_effort"]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


_REPLACED: dict[str, Callable[[Any], Any]] = {
    "reasoning_effort": _effort,
    "max_tokens": _tokens,
    "messages": _messages,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "response_format": _response_format,
}
