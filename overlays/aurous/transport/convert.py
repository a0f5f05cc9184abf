"""What all HTTP libraries need of a request and a response: addresses, headers, whole bodies, results."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import httpx

from .body_decoding import BodyDecoder
from .effects import API_KEY_HEADER, RawResponse, SendRequest
from .interfaces import ResponseHead

ACCEPTED_CODINGS: Final = "gzip, deflate"
_OWN_HEADERS: Final = frozenset({"Host", "Accept-Encoding", "Connection", "Content-Length"})
_METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH")
# Far above any response of this API; without a limit, an endless one would take all memory.
MAX_RESPONSE_SIZE: Final = 64 * 1024 * 1024


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
    for name in _replaced(tuple(request.headers)):
        headers.pop(name, None)
    headers.update(request.headers)
    if request.api_key is not None:
        headers[API_KEY_HEADER] = request.api_key.reveal()
    return headers


@lru_cache(maxsize=256)
def _replaced(names: tuple[str, ...]) -> tuple[str, ...]:
    """The headers of ours that a request has itself, in whichever letters: they would be sent twice."""
    return tuple(title for title in map(str.title, names) if title in _OWN_HEADERS)


def encode_headers(request: SendRequest, address: Address) -> list[tuple[bytes, bytes]]:
    """`request_headers` as httpcore takes them. To be called in the arguments of a call only."""
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in request_headers(request, address).items()]


def merge_headers(raw: Collection[tuple[bytes, bytes]], encoding: str = "utf-8") -> dict[str, str]:
    """Headers by lower-case name; the values of a repeated name are joined by commas, equal ones once."""
    headers: dict[str, str] = {}
    try:
        for raw_name, raw_value in raw:
            name, value = raw_name.decode(encoding).lower(), raw_value.decode(encoding)
            # A proxy may repeat what can only be there once, such as Content-Type and Retry-After.
            known = headers.setdefault(name, value)
            if known != value:
                headers[name] = f"{known}, {value}"
    except UnicodeDecodeError:
        return merge_headers(raw, "latin-1")
    return headers


def to_raw_response(
    response: ResponseHead, content: bytes | bytearray = b"", *, body: object = None, body_error: str | None = None
) -> RawResponse:
    """The result of a response. body: that of a stream; body_error: why the body is incomplete"""
    status_code, headers = response.status_code, response.headers
    is_framed = "content-length" in headers or "transfer-encoding" in headers or status_code in (204, 205)
    return RawResponse(status_code, headers, bytes(content), body, body_error, is_framed or not response.is_http1)


def is_stream(request: SendRequest, status_code: int, headers: Mapping[str, str]) -> bool:
    """Whether a response is the stream that a request asks for."""
    kind = headers.get("content-type", "").partition(",")[0].partition(";")[0].strip().lower()
    return request.streams and 200 <= status_code < 300 and kind == request.stream_type


class BodyTooLargeError(Exception):
    """A body of more than `MAX_RESPONSE_SIZE` bytes."""

    def __str__(self) -> str:
        return f"the body is larger than {MAX_RESPONSE_SIZE // 2**20} MiB"


class BodyBuffer:
    """Collects a whole body, decoded. Raises DecodingError and BodyTooLargeError."""

    def __init__(self, content_encoding: str) -> None:
        self.content = bytearray()
        self._decoder = make_decoder(content_encoding)

    def receive_data(self, data: bytes) -> None:
        """Add received bytes."""
        decoder = self._decoder
        self.content += data if decoder is None else decoder.decode(data)
        self._check_size()
        while decoder is not None and decoder.has_more:
            self.content += decoder.decode(b"")
            self._check_size()

    def finish(self) -> None:
        """All bytes were received."""
        if self._decoder is not None:
            self._decoder.finish()

    def _check_size(self) -> None:
        if len(self.content) > MAX_RESPONSE_SIZE:
            raise BodyTooLargeError


def make_decoder(content_encoding: str) -> BodyDecoder | None:
    """The decoder of a body; None if it is not encoded. Raises DecodingError for codings that are not accepted."""
    coding = content_encoding.strip().lower()
    return None if coding in ("", "identity") else BodyDecoder(coding)
