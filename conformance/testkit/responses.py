"""Responses of the API as a server sends them: bytes, and actions of a raw server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from testkit.raw_server import Action, raw

KEY: Final = "al_live_" + "5ec4e7" * 10 + "beef"
MODEL: Final = "aurous-grow-2.0-pro"
MESSAGES: Final = [{"role": "user", "content": "Name three colours."}]


def answer(
    status: int, body: Any = b"", *, headers: Mapping[str, str] | None = None, kind: str = "application/json"
) -> Action:
    """A whole response, after which the connection can be used again."""
    return raw(response(status, body, headers=headers, kind=kind), then="keep")


def response(
    status: int, body: Any = b"", *, headers: Mapping[str, str] | None = None, kind: str = "application/json"
) -> bytes:
    """The bytes of a response. A body that is not bytes is sent as JSON; `headers` may replace the usual ones."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + content


def chunked(*pieces: bytes, ends: bool = True) -> bytes:
    """A body in chunks of HTTP, with the last one or without."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return body + (b"0\r\n\r\n" if ends else b"")


def envelope(code: str, kind: str = "invalid_request", **members: Any) -> dict[str, Any]:
    """The body of an error."""
    request_id = "req_01HXMQ7Z3K8Y2ABCDEFGHJKM"
    url = f"https://docs.aurous-labs.com/errors#{code}"
    known = {"type": kind, "code": code, "message": f"This is {code}.", "doc_url": url, "request_id": request_id}
    return {"error": {**known, **members}}


def completion(content: str = "Red, green, blue.", **usage: Any) -> dict[str, Any]:
    """A completion as the API sends it."""
    figures = {
        "prompt_tokens": 200,
        "completion_tokens": 600,
        "total_tokens": 850,
        "reasoning_tokens": 50,
        "credits_charged": 0.2856,
        "breakdown": {
            "input_credits": 0.0006,
            "output_credits": 0.27,
            "reasoning_credits": 0.015,
            "model": MODEL,
            "pricing_version": 7,
        },
    }
    message = {"role": "assistant", "content": content}
    return {
        "id": "cmp_01HXMQ7Z3K8Y2ABCDEFGHJKM",
        "object": "chat.completion",
        "created": 1731948000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {**figures, **usage},
        "status": "completed",
    }


GOOD: Final = answer(200, completion(), headers={"Aurous-Request-Id": "req_good", "Aurous-Version": "2026-05-15"})
BUSY: Final = answer(503, envelope("provider_unavailable", "server_error"))
IN_USE: Final = answer(409, envelope("idempotency_key_in_use"))
HANG_UP: Final = raw(b"")
# The same result as GOOD's.
BODY: Final = json.dumps(completion()).encode()
WHOLE: Final = response(200, completion())
HTML: Final = b"<!doctype html><title>Bad Gateway</title><h1>502 Bad Gateway</h1>"
GZIPPED: Final = {"Content-Encoding": "gzip"}
