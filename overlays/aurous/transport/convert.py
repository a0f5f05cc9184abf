"""What all HTTP libraries need of a request and a response: addresses, headers, results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import httpx

from .effects import EVENT_STREAM, KEY_HEADER, RawResponse, SendRequest, TransportError

ACCEPTED_CODINGS: Final = "gzip, deflate"
_METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH")


class Address(NamedTuple):
    """The URL of a request, parsed and encoded."""

    url: httpx.URL
    host_header: str


@lru_cache(maxsize=256)
def parse_url(url: str, query: tuple[tuple[str, str], ...] = ()) -> Address:
    """Cached: parsing a URL takes longer than decoding a response, and most calls have the same."""
    parsed = httpx.URL(url, params=query) if query else httpx.URL(url)
    return Address(parsed, parsed.netloc.decode("ascii"))


def request_headers(request: SendRequest, address: Address) -> dict[str, str]:
    """All headers of a request, including the key.

    To be called in the arguments of a call only: no frame of a traceback may have the key among its variables.
    """
    headers = {"Host": address.host_header, "Accept-Encoding": ACCEPTED_CODINGS, "Connection": "keep-alive"}
    if request.content is not None or request.method in _METHODS_WITH_BODY:
        headers["Content-Length"] = str(len(request.content or b""))
    for name in request.headers:
        # A name in other letters would be sent twice.
        headers.pop(name.title(), None)
    headers.update(request.headers)
    headers[KEY_HEADER] = request.key.reveal()
    return headers


def merge_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; the values of a repeated name are joined by commas."""
    try:
        return _merge(raw, "utf-8")
    except UnicodeDecodeError:
        return _merge(raw, "latin-1")


def _merge(raw: Iterable[tuple[bytes, bytes]], encoding: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode(encoding).lower(), raw_value.decode(encoding)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def to_raw_response(
    status_code: int,
    headers: Mapping[str, str],
    *,
    is_http1: bool = True,
    content: bytes = b"",
    body: object = None,
    body_error: str | None = None,
) -> RawResponse:
    return RawResponse(
        status_code=status_code,
        headers=headers,
        content=content,
        body=body,
        body_error=body_error,
        is_framed=not is_http1
        or "content-length" in headers
        or "transfer-encoding" in headers
        or status_code in (204, 205),
    )


def refused_response(error: httpx.HTTPStatusError) -> RawResponse:
    """The response that a hook of the user's client refused with `raise_for_status`. Only a hook can have read it."""
    response = error.response
    content = response.content if response.is_stream_consumed else b""
    is_http1 = response.http_version.startswith("HTTP/1")
    return to_raw_response(
        response.status_code, merge_headers(response.headers.raw), is_http1=is_http1, content=content
    )


def truncated_response(
    status_code: int, headers: Mapping[str, str], content: bytearray, failure: TransportError
) -> RawResponse | TransportError:
    """The result of an incomplete body: an error status counts as a response, a success does not."""
    if 200 <= status_code < 300:
        return failure
    return to_raw_response(status_code, headers, content=bytes(content), body_error=failure.message)


def is_event_stream(status_code: int, headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return 200 <= status_code < 300 and kind == EVENT_STREAM


def encode_headers(headers: Mapping[str, str]) -> Sequence[tuple[bytes, bytes]]:
    """Headers as httpcore takes them."""
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
