"""Makes generated requests acceptable, apart from the error that they test.

A generator that knows only the schema asks for models that do not exist, versions that were never published and
pictures that nobody can fetch. A server may refuse those. So whatever is well formed, and could still be refused, is
replaced here by something that every server must accept; what is malformed stays as it is.
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
# From the least, which the contract lists first.
EFFORTS: list[str] = contract.schema("ReasoningEffort")["enum"]
LEAST_EFFORT = EFFORTS[0]
# A short answer and no reasoning: a live server charges for every token.
FRUGAL: dict[str, Any] = {"max_tokens": 2, "reasoning_effort": LEAST_EFFORT}
# Of generated requests, as there are hundreds.
FEWEST_TOKENS = 1
FEWEST_MESSAGES = 4
LONGEST_MODEL: int = contract.schema("ChatCompletionRequest")["properties"]["model"].get("maxLength", 128)
LEAST_DETAIL: str = contract.schema("ImageDetail")["enum"][0]
MEDIA = ("image_url", "video_url")
WHOLE_NUMBERS = ("max_tokens", "seed", "top_logprobs")


def normalize_body(body: Any, model: str, *, keeps_pictures: bool = False) -> Any:
    """A generated body in which whatever is well formed is acceptable too, and costs little.

    Pictures cost more than all the rest of a request; unless `keeps_pictures`, text stands for those that are well
    formed.
    """
    if not isinstance(body, dict):
        return body
    if not contract.schema_errors("ChatCompletionRequest", body):
        body = {**body, "messages": body["messages"][:FEWEST_MESSAGES]}
    # Whether members that no page names are refused is not documented, nor whether a null may stand for no member.
    known = contract.documented("ChatCompletionRequest", body)
    normalized = {name: _REPLACED.get(name, _unchanged)(value) for name, value in known.items()}
    normalized = {**FRUGAL, "max_tokens": FEWEST_TOKENS, **normalized}
    if not keeps_pictures and "messages" in normalized:
        normalized["messages"] = _without_pictures(normalized["messages"])
    if isinstance(normalized.get("model"), str) and len(normalized["model"]) <= LONGEST_MODEL:
        normalized["model"] = model
    if normalized.get("top_logprobs") is not None and normalized.get("logprobs", False) is False:
        normalized["logprobs"] = True
    if _chooses(normalized.get("tool_choice")) and not normalized.get("tools"):
        del normalized["tool_choice"]
    return normalized


def normalize_headers(headers: dict[str, Any], version: str, target: str | None) -> dict[str, Any]:
    """Generated headers: a published version and an unused key, unless the case is about the version."""
    normalized = {
        name: value for name, value in headers.items() if name.lower() not in ("idempotency-key", "aurous-version")
    }
    given = {name.lower(): value for name, value in headers.items()}
    if "idempotency-key" in given:
        normalized["Idempotency-Key"] = str(uuid4())
    is_target = target is not None and target.lower() == "aurous-version"
    normalized["Aurous-Version"] = given.get("aurous-version", version) if is_target else version
    return normalized


def is_tolerated(body: Any) -> bool:
    """Whether a body is wrong only in a way that servers may accept.

    A null may count as omitted, 2.5 as a number (the page types whole numbers so), and
    `vision_quality` is not on the primary page at all.
    """
    lenient = {name: value for name, value in _without_nulls(body).items() if name != "vision_quality"}
    for name in WHOLE_NUMBERS:
        if isinstance(lenient.get(name), float):
            lenient[name] = int(lenient[name])
    return not contract.schema_errors("ChatCompletionRequest", lenient)


def media_in(value: Any) -> set[str]:
    """The kinds of parts in a request that name something to be fetched, such as `image_url`."""
    if isinstance(value, dict):
        kind = {value["type"]} if value.get("type") in MEDIA and value.get("type") in value else set()
        return kind.union(*map(media_in, value.values()))
    return set().union(*map(media_in, value)) if isinstance(value, list) else set()


def media_part(kind: str) -> dict[str, Any]:
    """A part with a picture or video that needs no host."""
    detail = {"detail": LEAST_DETAIL} if kind == "image_url" else {}
    return {"type": kind, kind: {"url": PIXEL, **detail}}


def is_streamed(body: Any) -> bool:
    return isinstance(body, dict) and body.get("stream") is True


def _unchanged(value: Any) -> Any:
    return value


def _tokens(value: Any) -> Any:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    return min(int(value), FEWEST_TOKENS) if whole and value >= 1 else value


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
    if contract.schema_errors("ContentPart", part):
        return part
    if part["type"] == "image_url":
        return {**part, "image_url": {**part["image_url"], "url": PIXEL, "detail": LEAST_DETAIL}}
    return {"type": "text", "text": "A video."} if part["type"] == "video_url" else part


def _without_pictures(value: Any) -> Any:
    """A value in which text stands for each picture that is well formed."""
    if isinstance(value, list):
        return [_without_pictures(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "image_url" and not contract.schema_errors("ContentPart", value):
        return {"type": "text", "text": "A picture."}
    return {name: _without_pictures(member) for name, member in value.items()}


def _tools(tools: Any) -> Any:
    return [_tool(tool) for tool in tools] if isinstance(tools, list) else tools


def _tool(tool: Any) -> Any:
    if contract.schema_errors("Tool", tool):
        return tool
    parameters = {"parameters": OPEN_SCHEMA} if "parameters" in tool["function"] else {}
    return {**tool, "function": {**tool["function"], "name": FUNCTION, **parameters}}


def _tool_choice(choice: Any) -> Any:
    return "auto" if _chooses(choice) else choice


def _chooses(choice: Any) -> bool:
    return choice is not None and not contract.schema_errors("ToolChoice", choice)


def _response_format(response_format: Any) -> Any:
    if contract.schema_errors("ResponseFormat", response_format) or response_format["type"] != "json_schema":
        return response_format
    return {
        **response_format,
        "json_schema": {**response_format["json_schema"], "name": "answer", "schema": OPEN_SCHEMA},
    }


def _effort(effort: Any) -> Any:
    return effort if contract.schema_errors("ReasoningEffort", effort) else FRUGAL["reasoning_effort"]


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
