"""Converts effects to httpx requests, and httpx responses to `RawResponse`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import httpx

from .effects import EVENT_STREAM, KEY_HEADER, RawResponse, SendRequest, TransportError
from .raw_client import AsyncRawClient, RawClient

# Far above any response of this API; without a limit, an endless one would take all memory.
MAX_BODY_SIZE: Final = 64 * 1024 * 1024


def build_request(
    client: httpx.Client | httpx.AsyncClient | RawClient | AsyncRawClient,
    request: SendRequest,
    trace: Callable[[str, Mapping[str, Any]], None] | None = None,
    *,
    read: float | None,
) -> httpx.Request:
    """The httpx request. read: timeout for each read in seconds; None if the caller enforces one itself."""
    # A function of its own, so that no frame of a traceback has the key among its variables.
    return client.build_request(
        request.method,
        _parse_url(request.url),
        params=request.query or None,
        headers={**request.headers, KEY_HEADER: request.key.reveal()},
        content=request.content,
        timeout=httpx.Timeout(connect=request.connect, read=read, write=request.write, pool=request.pool),
        extensions={"trace": trace} if trace else None,
    )


@lru_cache(maxsize=64)
def _parse_url(url: str) -> httpx.URL:
    """Cached: parsing a URL takes longer than decoding a response, and most calls have the same."""
    return httpx.URL(url)


def to_raw_response(
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


def merge_headers(response: httpx.Response) -> dict[str, str]:
    """Headers by lower-case name; the values of a repeated name are joined by commas."""
    headers: dict[str, str] = {}
    # httpx's `items` detects the encoding again for each of them.
    encoding = response.headers.encoding
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode(encoding).lower(), raw_value.decode(encoding)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def refused_response(error: httpx.HTTPStatusError) -> RawResponse:
    """The response that a hook of the user's client refused with `raise_for_status`. Only a hook can have read it."""
    response = error.response
    content = response.content if response.is_stream_consumed else b""
    return to_raw_response(response, merge_headers(response), content=content)


def truncated_response(
    response: httpx.Response, content: bytearray, failure: TransportError
) -> RawResponse | TransportError:
    """The result of an incomplete body: an error status counts as a response, a success does not."""
    if response.is_success:
        return failure
    return to_raw_response(response, merge_headers(response), content=bytes(content), body_error=failure.message)


def is_event_stream(response: httpx.Response, headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return response.is_success and kind == EVENT_STREAM


def raw_or_decoded(response: httpx.Response, decoded: Callable[[], object]) -> object:
    """The undecoded stream of a body without a content coding, which saves a layer for each chunk."""
    is_plain = "content-encoding" not in response.headers and not response.is_stream_consumed
    return response.stream if is_plain else decoded()


def receive_data(content: bytearray, data: bytes, deadline: float) -> None:
    content += data
    if len(content) > MAX_BODY_SIZE:
        raise httpx.ReadError(f"the body is larger than {MAX_BODY_SIZE // 2**20} MiB")
    # For connections of the user's own client that `deadlines` cannot patch.
    if time.monotonic() > deadline:
        raise httpx.ReadTimeout("the body was not complete in time")
