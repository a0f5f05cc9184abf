"""Splits text into tokens and counts those of a prompt. An approximation: there is no tokenizer of a real model."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

MESSAGE_OVERHEAD = 4
BYTES_PER_TOKEN = 4
IMAGE_TOKENS = {"low": 512, "high": 1024, "auto": 1024, "xhigh": 2048}
VIDEO_TOKENS = 4096

# A word with its leading space, in parts of at most eight letters; up to three symbols; white space.
_TOKEN = re.compile(r" ?[^\W_]{1,8}| ?[^\w\s]{1,3}|_+|\s+")


def split(text: str) -> list[str]:
    """Split `text` into tokens; joined, they are the text again."""
    return _TOKEN.findall(text)


def estimate(text: str) -> int:
    """About how many tokens `text` has, by its size in bytes."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def count_prompt(body: Mapping[str, Any]) -> int:
    """The prompt tokens of a valid request: messages, images, videos, tools and the response schema."""
    quality = body.get("vision_quality")
    count = sum(MESSAGE_OVERHEAD + _count_message(message, quality) for message in body["messages"])
    for extra in ("tools", "response_format"):
        if body.get(extra):
            count += estimate(orjson.dumps(body[extra]).decode())
    return count


def _count_message(message: Mapping[str, Any], quality: str | None) -> int:
    content = message.get("content")
    count = estimate(content) if isinstance(content, str) else _count_parts(content or (), quality)
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        count += estimate(str(function.get("name", ""))) + estimate(str(function.get("arguments", "")))
    return count


def _count_parts(parts: Iterable[Mapping[str, Any]], quality: str | None) -> int:
    count = 0
    for part in parts:
        if part["type"] == "text":
            count += estimate(part["text"])
        elif part["type"] == "image_url":
            detail = part["image_url"].get("detail") or "high"
            # `vision_quality` applies to images whose own detail is high or auto.
            tier = quality if quality in IMAGE_TOKENS and detail in ("high", "auto") else detail
            count += IMAGE_TOKENS.get(tier, IMAGE_TOKENS["high"])
        else:
            count += VIDEO_TOKENS
    return count
