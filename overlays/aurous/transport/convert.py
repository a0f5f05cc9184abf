"""Makes requests of steps, and replies of responses. Knows of no failures but those of a body."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import httpx

from .effects import EVENT_STREAM, KEY_HEADER, RawResponse, SendRequest, TransportError
from .raw_client import AsyncDirect, Direct

# No answer of this API comes near it; without a limit, an endless one would take all memory.
MAX_BODY: Final = 64 * 1024 * 1024


def request_of(
    client: httpx.Client | httpx.AsyncClient | Direct | AsyncDirect,
    step: SendRequest,
    trace: Callable[[str, Mapping[str, Any]], None] | None = None,
    *,
    read: float | None,
) -> httpx.Request:
    """What httpx is to send. read: seconds to the next byte; None where that is seen to otherwise."""
    # Apart, so that no frame with the key in one of its variables is part of a traceback.
    return client.build_request(
        step.method,
        _parsed_url(step.url),
        params=step.query or None,
        headers={**step.headers, KEY_HEADER: step.key.reveal()},
        content=step.content,
        timeout=httpx.Timeout(connect=step.connect, read=read, write=step.write, pool=step.connect),
        extensions={"trace": trace} if trace else None,
    )


@lru_cache(maxsize=64)
def _parsed_url(url: str) -> httpx.URL:
    """To parse one takes longer than to decode an answer, and most calls go to one and the same."""
    return httpx.URL(url)


def reply_of(
    response: httpx.Response,
    headers: Mapping[str, str],
    *,
    content: bytes = b"",
    body: object = None,
    body_error: str | None = None,
) -> RawResponse:
    return RawResponse(
        status_code=response.status_code,
        headers=headers,
        content=content,
        body=body,
        body_error=body_error,
        is_framed=not response.http_version.startswith("HTTP/1")
        or response.status_code in (204, 205)
        or "content-length" in headers
        or "transfer-encoding" in headers,
    )


def headers_of(response: httpx.Response) -> dict[str, str]:
    """By names in lower case; several of one name in one, as lists are written."""
    headers: dict[str, str] = {}
    # `items` of httpx looks for the encoding again for each of them.
    encoding = response.headers.encoding
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode(encoding).lower(), raw_value.decode(encoding)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def cut_reply(response: httpx.Response, content: bytearray, failure: TransportError) -> RawResponse | TransportError:
    """What to make of an answer whose body is not whole: without it a success is none, but an error is one."""
    if response.is_success:
        return failure
    return reply_of(response, headers_of(response), content=bytes(content), body_error=failure.message)


def opens_stream(response: httpx.Response, headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return response.is_success and kind == EVENT_STREAM


def plain_or(response: httpx.Response, decoded: Callable[[], object]) -> object:
    """What to read a body from: the stream itself where nothing has to be done to its pieces, since every way of httpx
    to read it is one more layer under each of them.
    """
    is_plain = "content-encoding" not in response.headers and not response.is_stream_consumed
    return response.stream if is_plain else decoded()


def take(content: bytearray, piece: bytes, deadline: float) -> None:
    content += piece
    if len(content) > MAX_BODY:
        raise httpx.ReadError(f"it is larger than {MAX_BODY // 2**20} MiB")
    # For connections that `patience` has not seen, which are those of clients that were given.
    if time.monotonic() > deadline:
        raise httpx.ReadTimeout("it came too slowly")
