"""Decodes the body of a success before it is parsed: JSON, JSON lines, text or bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import ParseError
from .operations import Format

_CHARSET = re.compile(r"charset=\"?([^\s;\"]+)", re.IGNORECASE)


def decode(format: Format, content: bytes, content_type: str | None, loads: Callable[[bytes], Any]) -> Any:
    """The decoded body. Raises ParseError for what is not text, and the errors of `loads` for what is not JSON."""
    if format == "json":
        return loads(content)
    if format == "json_lines":
        return [loads(line) for line in content.split(b"\n") if line.strip()]
    if format == "text":
        return _decode_text(content, content_type or "")
    return content if format == "bytes" else None


def _decode_text(content: bytes, content_type: str) -> str:
    charset = _CHARSET.search(content_type)
    encoding = charset[1] if charset else "utf-8"
    try:
        return content.decode(encoding)
    except (LookupError, ValueError):
        raise ParseError(f"text in {encoding[:40]}", content) from None


__all__ = ["decode"]
