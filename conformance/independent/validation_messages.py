"""Checks of the conversation: roles, contents, pictures and length."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .catalogue import Model
from .errors import ApiError
from .tokens import count_prompt
from .validation import Body, check, missing, out_of_range, wrong_type

ROLES = ("system", "user", "assistant", "tool")
_PAYLOADS = {"text": "text", "image_url": "image_url", "video_url": "video_url"}


@check("messages_present")
def _messages_present(body: Body, models: dict[str, Model]) -> None:
    if "messages" not in body:
        raise missing("messages")
    if not isinstance(body["messages"], list):
        raise wrong_type("messages", "an array")


@check("messages_least")
def _messages_least(body: Body, models: dict[str, Model]) -> None:
    if not body["messages"]:
        raise out_of_range("messages", "at least one message")


@check("messages_most")
def _messages_most(body: Body, models: dict[str, Model]) -> None:
    if len(body["messages"]) > 200:
        raise out_of_range("messages", "at most 200 messages")


@check("messages_roles")
def _messages_roles(body: Body, models: dict[str, Model]) -> None:
    for path, message in _messages(body):
        if not isinstance(message, dict):
            raise wrong_type(path, "an object")
        if "role" not in message:
            raise missing(f"{path}.role")
        if message["role"] not in ROLES:
            raise ApiError("invalid_format", f"{path}.role must be one of {', '.join(ROLES)}.", param=f"{path}.role")


@check("messages_content")
def _messages_content(body: Body, models: dict[str, Model]) -> None:
    for path, message in _messages(body):
        content = message.get("content")
        if message.get("role") == "assistant" and content is None:
            continue
        if "content" not in message:
            raise missing(f"{path}.content")
        if not isinstance(content, (str, list)):
            raise wrong_type(f"{path}.content", "a string or an array of parts")
    for path, part in _parts(body):
        _refuse_part(path, part)


def _refuse_part(path: str, part: Any) -> None:
    if not isinstance(part, dict):
        raise wrong_type(path, "an object")
    kind = part.get("type")
    if kind is None:
        raise missing(f"{path}.type")
    if not isinstance(kind, str) or kind not in _PAYLOADS:
        raise ApiError("invalid_format", f"{path}.type must be text, image_url or video_url.", param=f"{path}.type")
    if kind not in part:
        raise missing(f"{path}.{kind}")
    if kind == "text":
        if not isinstance(part["text"], str):
            raise wrong_type(f"{path}.text", "a string")
        return
    media = part[kind]
    if not isinstance(media, dict):
        raise wrong_type(f"{path}.{kind}", "an object")
    if "url" not in media:
        raise missing(f"{path}.{kind}.url")
    if not isinstance(media["url"], str):
        raise wrong_type(f"{path}.{kind}.url", "a string")
    if kind == "image_url" and media.get("detail", "auto") not in ("low", "high", "auto"):
        raise ApiError("invalid_format", "detail must be low, high or auto.", param=f"{path}.image_url.detail")


@check("message_names")
def _message_names(body: Body, models: dict[str, Model]) -> None:
    for path, message in _messages(body):
        if not isinstance(message.get("name", ""), str):
            raise wrong_type(f"{path}.name", "a string")


@check("tool_messages")
def _tool_messages(body: Body, models: dict[str, Model]) -> None:
    for path, message in _messages(body):
        if message["role"] == "tool":
            if "tool_call_id" not in message:
                raise missing(f"{path}.tool_call_id")
            if not isinstance(message["tool_call_id"], str):
                raise wrong_type(f"{path}.tool_call_id", "a string")


@check("message_tool_calls")
def _message_tool_calls(body: Body, models: dict[str, Model]) -> None:
    for path, message in _messages(body):
        calls = message.get("tool_calls", [])
        if message["role"] != "assistant":
            continue
        if not isinstance(calls, list):
            raise wrong_type(f"{path}.tool_calls", "an array")
        for index, call in enumerate(calls):
            _refuse_tool_call(f"{path}.tool_calls[{index}]", call)


def _refuse_tool_call(path: str, call: Any) -> None:
    if not isinstance(call, dict):
        raise wrong_type(path, "an object")
    for name in ("id", "type", "function"):
        if name not in call:
            raise missing(f"{path}.{name}")
    for name in ("id", "type"):
        if not isinstance(call[name], str):
            raise wrong_type(f"{path}.{name}", "a string")
    function = call["function"]
    if not isinstance(function, dict):
        raise wrong_type(f"{path}.function", "an object")
    for name in ("name", "arguments"):
        if name not in function:
            raise missing(f"{path}.function.{name}")
        if not isinstance(function[name], str):
            raise wrong_type(f"{path}.function.{name}", "a string")


@check("media_addresses")
def _media_addresses(body: Body, models: dict[str, Model]) -> None:
    for path, part in _parts(body):
        kind = part["type"]
        if kind == "text":
            continue
        url, param = part[kind]["url"], f"{path}.{kind}.url"
        if kind == "image_url" and url.startswith("data:image/"):
            continue
        try:
            address = urlsplit(url)
            host = address.hostname
        except ValueError:
            address, host = None, None
        if address is None or not host or address.scheme != "https":
            raise ApiError("invalid_format", f"{param} must be an https address.", param=param)
        if _is_private(host):
            message = f"url host {host} is a private / loopback / link-local address."
            raise ApiError("invalid_format", message, param=param)


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


@check("context_window")
def _context_window(body: Body, models: dict[str, Model]) -> None:
    model = models.get(body["model"])
    if model is None:
        return
    tokens = count_prompt(body)
    if tokens > model.context_window:
        message = f"The prompt has {tokens} tokens; the context window of {model.id} is {model.context_window}."
        raise ApiError("max_input_tokens_exceeded", message, param="messages")


def _messages(body: Body) -> Iterator[tuple[str, Any]]:
    for index, message in enumerate(body["messages"]):
        yield f"messages[{index}]", message


def _parts(body: Body) -> Iterator[tuple[str, Any]]:
    for path, message in _messages(body):
        content = message.get("content")
        if isinstance(content, list):
            for index, part in enumerate(content):
                yield f"{path}.content[{index}]", part
