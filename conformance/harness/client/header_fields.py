"""Header fields as they are sent and recorded."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

Headers = Mapping[str, str | None]
"""Fields to send. None omits one that is sent by default."""


def with_content_type(headers: Headers | None) -> Headers:
    return {"Content-Type": "application/json", **(headers or {})}


def without_omitted(headers: Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if value is not None}


def decoded_headers(headers: httpx.Headers) -> dict[str, str]:
    """The headers as they were spelled; lines of the same name are one list, as HTTP says."""
    decoded: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw):
        spelled = names.setdefault(name.lower(), name)
        decoded[spelled] = f"{decoded[spelled]}, {value}" if spelled in decoded else value
    return decoded
