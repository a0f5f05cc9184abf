"""The minimal client of the raw socket cases, which trusts the server in everything."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from .payloads import KEY, MESSAGES, PATH

HEADERS = {"X-Api-Key": KEY}
PIECE = 1 << 16


def body(model: str, *, stream: bool) -> dict[str, Any]:
    """The body that the plain HTTP clients post."""
    return {"model": model, "messages": MESSAGES, **({"stream": True} if stream else {})}


def request(url: str, model: str) -> bytes:
    """The bytes of a request for a stream."""
    content = json.dumps(body(model, stream=True)).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nX-Api-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


class Lines:
    """Splits a chunked response into the lines of its body."""

    def __init__(self) -> None:
        self._has_head = False
        self._left = b""
        self._line = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that these bytes complete."""
        data = self._left + piece
        if not self._has_head:
            head, self._has_head, data = _split_head(data)
            if not self._has_head:
                self._left = head
                return []
        start, parts = 0, [self._line]
        while (end := data.find(b"\r\n", start)) >= 0:
            size = int(data[start:end], 16)
            if len(data) < end + size + 4:
                break
            parts.append(data[end + 2 : end + 2 + size])
            start = end + size + 4
        self._left = data[start:]
        lines = b"".join(parts).split(b"\n")
        self._line = lines.pop()
        return lines


def _split_head(data: bytes) -> tuple[bytes, bool, bytes]:
    head, end, rest = data.partition(b"\r\n\r\n")
    return head, bool(end), rest
