"""Invokes the tools that a model calls, and writes what the model gets in place of a failed call's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aurous_client.models import ToolCall

from ..errors import AurousError
from .function_tool import FunctionTool, ToolArgumentsError, ToolResultError


class UnknownToolError(AurousError, LookupError):
    """The model called a function that it was not offered. The message is meant for the model."""


def invoke(tools: Mapping[str, FunctionTool[..., Any]], call: ToolCall) -> str | Exception:
    """The result of a call, or the exception that it failed with."""
    try:
        return _find(tools, call).invoke(call.function.arguments)
    except Exception as error:
        return error


async def ainvoke(tools: Mapping[str, FunctionTool[..., Any]], call: ToolCall) -> str | Exception:
    """As `invoke`, for asyncio."""
    try:
        return await _find(tools, call).ainvoke(call.function.arguments)
    except Exception as error:
        return error


def _find(tools: Mapping[str, FunctionTool[..., Any]], call: ToolCall) -> FunctionTool[..., Any]:
    if call.function.name not in tools:
        raise UnknownToolError(f"there is no tool {call.function.name!r}; there are: {', '.join(tools)}")
    return tools[call.function.name]


def error_text(error: Exception) -> str:
    """The text that the model gets for a failed call."""
    if isinstance(error, ToolArgumentsError):
        kind, message = "invalid_arguments", str(error)
    elif isinstance(error, UnknownToolError):
        kind, message = "unknown_tool", str(error)
    elif isinstance(error, ToolResultError):
        kind, message = "invalid_result", str(error)
    else:
        kind, message = "tool_failed", f"{type(error).__name__}: {error}"
    return json.dumps({"error": {"type": kind, "message": sendable(message)}}, ensure_ascii=False)


def sendable(text: str) -> str:
    """A text with lone surrogates escaped, which UTF-8 cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()
