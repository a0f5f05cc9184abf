"""A server that takes many liberties that the contract leaves it, all at once."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mutants.messages import Bytes, Frame, Request, Response
from mutants.registry import Behaviour, Frames, Kind, MockVariant
from starlette.datastructures import MutableHeaders

# Bytes that are sent at once.
PIECE = 7


class Liberal(Behaviour):
    """Takes all of the liberties."""

    def response(self, request: Request, response: Response) -> None:
        """More headers than documented, in other cases, and a charset; unknown members, other spacing and escapes."""
        kind = response.headers.get("content-type", "")
        # The proxy adds the length.
        del response.headers["content-type"], response.headers["content-length"]
        headers = [(name.title() if len(name) % 2 else name.upper(), value) for name, value in response.headers.raw]
        headers += [(b"content-TYPE", kind.encode() + b"; charset=utf-8"), (b"X-Region", b"eu")]
        response.headers = MutableHeaders(raw=[*headers, (b"Server-Timing", b"a;dur=1")])
        if response.streamed or not isinstance(value := response.content.value, dict):
            return
        value["x_unknown"] = {"nested": [1, None]}
        if isinstance(value.get("error"), dict) and value.get("object") is None:
            value["error"].setdefault("param", None)
            value["error"]["hint"] = "unknown members are legal"
        response.content = Bytes(json.dumps(value, indent=3, sort_keys=True, ensure_ascii=True).encode())

    def frame(self, request: Request, frame: Frame) -> Frames:
        """Comments, an id, a type, no space, other line ends, and usage in a chunk of its own."""
        if not frame.framed:
            return None
        if frame.is_done:
            return (_event(frame.content.raw),)
        chunk = {**frame.body, "x_unknown": True}
        usage = chunk.pop("usage", None)
        events = [_event(json.dumps(chunk).encode())]
        if usage is not None:
            events.append(_event(json.dumps({**chunk, "choices": [], "usage": usage}).encode()))
        return events

    def bytes(self, data: bytes) -> Iterable[bytes]:
        return (data[start : start + PIECE] for start in range(0, len(data), PIECE))


def _event(data: bytes) -> Frame:
    return Frame.raw(b": keep-alive\r\n\r\nid: 7\r\nevent: message\r\nretry: 1000\r\ndata:" + data + b"\r\n\r\n")


LIBERAL = MockVariant("liberal", Kind.VARIATION, "Many legal variations at once.", "", Liberal)
