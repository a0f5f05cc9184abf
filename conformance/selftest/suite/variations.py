"""Many liberties that the contract leaves a server, taken all at once."""

from __future__ import annotations

import json
from typing import Any

from tampering_proxy import Answered, Asked, Tamper


def head(asked: Asked, answered: Answered) -> None:
    """More headers than documented, in other cases, and a charset."""
    kind = answered.header("content-type") or ""
    answered.headers = [(key.title() if len(key) % 2 else key.upper(), value) for key, value in answered.headers]
    answered.drop("content-type")
    answered.headers += [("content-TYPE", f"{kind}; charset=utf-8"), ("X-Region", "eu"), ("Server-Timing", "a;dur=1")]


def document(asked: Asked, answered: Answered, body: bytes) -> bytes:
    """The same document with unknown members, other spacing, other order and other escapes."""
    value = json.loads(body)
    if isinstance(value, dict):
        value["x_unknown"] = {"nested": [1, None]}
        if isinstance(value.get("error"), dict) and value.get("object") is None:
            value["error"].setdefault("param", None)
            value["error"]["hint"] = "unknown members are legal"
    return json.dumps(value, indent=3, sort_keys=True, ensure_ascii=True).encode()


def block(asked: Asked, answered: Answered, block: bytes) -> bytes:
    """The same event with comments, an id, a type, no space, other line ends, and usage in a chunk of its own."""
    data = block.strip().removeprefix(b"data:").strip()
    if block.startswith(b":") or data == b"[DONE]":
        return _event(data) if data == b"[DONE]" else block
    frame: dict[str, Any] = json.loads(data)
    frame["x_unknown"] = True
    usage = frame.pop("usage", None)
    actual = _event(json.dumps(frame).encode())
    if usage is not None:
        actual += _event(json.dumps({**frame, "choices": [], "usage": usage}).encode())
    return actual


def _event(data: bytes) -> bytes:
    return b": keep-alive\r\n\r\nid: 7\r\nevent: message\r\nretry: 1000\r\ndata:" + data + b"\r\n\r\n"


LIBERTIES = Tamper(document=document, block=block, head=head, cut=7)
