"""Tokens: how text is cut into them, how prompts are counted, and their log probabilities."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

_TOKEN = re.compile(r"\s?\w{1,12}|\s?[^\w\s]{1,3}|\s")
_ALTERNATIVES = (
    *(" the", " a", " and", " of", " to", " in", " it", " is", " on", " or", " as"),
    *(" at", " by", " for", " an", " be", " so", " we", " he", " no", " up", " if"),
)
_PICTURE_TOKENS = {"low": 512, "high": 1024, "auto": 1024, "xhigh": 2048}
_VIDEO_TOKENS = 2048
_MESSAGE_TOKENS = 3


def tokenize(text: str) -> list[str]:
    """Return the tokens of an answer; joined, they are the text."""
    return _TOKEN.findall(text)


def count_text(text: str) -> int:
    """Return the tokens of a text in a prompt: one for every four bytes begun."""
    return math.ceil(len(text.encode("utf-8", "replace")) / 4)


def count_prompt(body: dict[str, Any]) -> int:
    """Return the prompt tokens of a request: its texts, pictures, videos and tools."""
    total = 0
    for message in body["messages"]:
        total += _MESSAGE_TOKENS + _count_content(message.get("content"), body.get("vision_quality"))
        for call in message.get("tool_calls") or []:
            total += count_text(call["function"]["name"]) + count_text(call["function"]["arguments"])
    for tool in body.get("tools") or []:
        total += count_text(repr(tool["function"]))
    return total


def _count_content(content: Any, vision_quality: str | None) -> int:
    if isinstance(content, str):
        return count_text(content)
    total = 0
    for part in content or []:
        if part["type"] == "text":
            total += count_text(part["text"])
        elif part["type"] == "video_url":
            total += _VIDEO_TOKENS
        else:
            detail = "xhigh" if vision_quality == "xhigh" else part["image_url"].get("detail", "high")
            total += _PICTURE_TOKENS[detail]
    return total


def logprob_entry(token: str, position: int, alternatives: int) -> dict[str, Any]:
    """Return the log probabilities of a token: its own, and those of the likeliest `alternatives`, itself first."""
    digest = hashlib.sha256(f"{position}:{token}".encode()).digest()
    own = -round(0.01 + digest[0] / 400, 4)
    entry: dict[str, Any] = {"token": token, "logprob": own, "bytes": list(token.encode())}
    others = [other for other in _ALTERNATIVES if other != token]
    top = [dict(entry)]
    for rank in range(1, alternatives):
        other = others[(digest[1] + rank) % len(others)]
        top.append({"token": other, "logprob": round(own - 0.7 * rank, 4), "bytes": list(other.encode())})
    entry["top_logprobs"] = top[:alternatives]
    return entry
