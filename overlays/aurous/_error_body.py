"""Reads error bodies of any form, and makes the server's text fit to show.

Page: guides/error-handling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

MAX_SIZE: Final = 1 << 20
"""The bytes of the largest body that is decoded. An error has a few hundred; a document takes many times its bytes."""
_MAX_TEXT: Final = 1000
_MAX_EXCERPT: Final = 120


class ErrorBody(NamedTuple):
    """The members of an error body that could be read; all are optional."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    doc_url: str | None = None
    request_id: str | None = None

    @classmethod
    def read(cls, content: bytes) -> ErrorBody:
        """From a body of any form: the documented envelope, a flat one, or neither."""
        if len(content) > MAX_SIZE:
            return cls()
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return cls()
        return cls.of(document)

    @classmethod
    def of(cls, document: object) -> ErrorBody:
        """From a decoded body."""
        error = document.get("error", document) if isinstance(document, Mapping) else None
        if isinstance(error, str):
            return cls(message=error)
        if not isinstance(error, Mapping):
            return cls()
        known = {name: error.get(name) for name in ("type", "code", "message", "param", "doc_url", "request_id")}
        return cls(**{name: value for name, value in known.items() if isinstance(value, str)})


def printable(text: str) -> str:
    """The server's text for a log or an error: one line, bounded, without control characters."""
    shown = "".join(character if character.isprintable() else " " for character in text[: _MAX_TEXT + 1])
    return _shortened(shown, _MAX_TEXT)


def excerpt(content: bytes) -> str:
    """The beginning of a body that is no error envelope."""
    return _shortened(" ".join(content[:400].decode("utf-8", "replace").split()), _MAX_EXCERPT)


def _shortened(text: str, length: int) -> str:
    return f"{text[:length]}..." if len(text) > length else text
