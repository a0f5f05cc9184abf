"""Maps exceptions of HTTP libraries to `TransportFailure`, without references to the key."""

from __future__ import annotations

import socket
import ssl
import sys
from typing import Any, Final, NamedTuple

import httpcore
import httpx

from ..errors import AurousError
from .body_decoding import DecodingError
from .convert import BodyTooLargeError, merge_headers, to_raw_response
from .effects import RawResponse, SendRequest, TransportFailure
from .interfaces import CLOSED, ResponseHead
from .tracebacks import chain, without_frames

FAILURES: Final = (
    *(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError),
    *(httpcore.UnsupportedProtocol, httpx.RequestError, httpx.InvalidURL, httpx.StreamError),
    *(BodyTooLargeError, DecodingError, OSError),
)
"""Errors of the network. Anything else is a bug of the program, or cancels its task."""

_UNUSABLE_CLIENT = {
    "client has been closed": CLOSED,
    "Event loop is closed": "the http_client belongs to an event loop that is closed; give one that does not",
    "attached to a different loop": "the http_client belongs to another event loop; give one that does not",
    "bound to a different event loop": "the http_client belongs to another event loop; give one that does not",
}
_LIBRARIES = frozenset({"httpx", "httpcore", "h11", "h2", "hpack", "anyio", "trio", "aiohttp", "httpx_aiohttp"})


class _Kind(NamedTuple):
    """A kind of error: the words for it, and the members of the TransportFailure."""

    description: str
    is_sent: bool = True
    is_timeout: bool = False
    is_final: bool = False


class _Head(NamedTuple):
    """The head of a response."""

    status_code: int
    headers: dict[str, str]
    is_http1: bool


_UNUSABLE_ADDRESS: Final = _Kind("the address cannot be used", is_sent=False, is_final=True)
# Names that httpcore and httpx share.
_KINDS: Final = {
    "ConnectError": _Kind("cannot connect", is_sent=False),
    "ConnectTimeout": _Kind("cannot connect in time", is_sent=False, is_timeout=True),
    "PoolTimeout": _Kind("no free connection in time", is_sent=False, is_timeout=True, is_final=True),
    "ReadTimeout": _Kind("no response in time", is_timeout=True),
    "WriteTimeout": _Kind("the request could not be sent in time", is_timeout=True),
    "RemoteProtocolError": _Kind("the response was cut short or is not HTTP"),
    "ProxyError": _Kind("the proxy refused", is_sent=False),
    "UnsupportedProtocol": _UNUSABLE_ADDRESS,
    "LocalProtocolError": _Kind("the request is not valid HTTP", is_sent=False, is_final=True),
}
_KIND_OF: Final[dict[type[BaseException], _Kind]] = {
    **{getattr(library, name): kind for library in (httpcore, httpx) for name, kind in _KINDS.items()},
    httpcore.TimeoutException: _Kind("the connection broke", is_timeout=True),
    httpx.TimeoutException: _Kind("the connection broke", is_timeout=True),
    httpx.InvalidURL: _UNUSABLE_ADDRESS,
    DecodingError: _Kind("the body cannot be decompressed"),
}
_OTHER: Final = _Kind("the connection broke")

# What a lookup says of a host that does not exist. Not EAI_AGAIN: the resolver did not answer, and may do so later.
_UNKNOWN_HOST: Final = frozenset(
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL", "EAI_FAMILY", "EAI_SERVICE")
    if hasattr(socket, name)
)
# How OpenSSL names a peer that speaks no TLS, or no version or cipher of it that this side does.
_NO_COMMON_TLS: Final = frozenset(
    {
        *("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"),
        *("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "NO_SHARED_CIPHER", "TLSV1_ALERT_PROTOCOL_VERSION"),
        *("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_UNRECOGNIZED_NAME"),
    }
)


def to_result(
    error: BaseException, request: SendRequest, response: ResponseHead | None, content: bytes | bytearray
) -> RawResponse | TransportFailure:
    """The result of an attempt that an exception ended. Raises it if it is no failure of the network.

    response, content: what was received before
    """
    if isinstance(error, FAILURES):
        return truncated_result(to_transport_failure(error, request), response, content)
    if isinstance(error, httpx.HTTPStatusError):
        return _refused_response(error)
    raise scrub(error)


def truncated_result(
    failure: TransportFailure, response: ResponseHead | None, content: bytes | bytearray
) -> RawResponse | TransportFailure:
    """The result of a response whose body is incomplete: an error status counts as a response, a success does not."""
    if response is None or 200 <= response.status_code < 300:
        return failure
    return to_raw_response(response, content, body_error=failure.message)


def to_transport_failure(error: BaseException, request: SendRequest | None) -> TransportFailure:
    kind = next((_KIND_OF[base] for base in type(error).__mro__ if base in _KIND_OF), _OTHER)
    detail = str(error).strip()
    if isinstance(error, (httpcore.ReadTimeout, httpx.ReadTimeout)) and request is not None:
        detail = detail if detail and detail != "timed out" else f"nothing for {request.read:.3g} s"
    advice = _advice_on_address(error)
    if advice is not None:
        detail = f"{detail}; {advice}"
    return TransportFailure(
        message=f"{kind.description}: {detail}" if detail else kind.description,
        sent=kind.is_sent or _is_mislabelled(error),
        timed_out=kind.is_timeout,
        is_final=kind.is_final or advice is not None,
        is_pool_timeout=isinstance(error, (httpcore.PoolTimeout, httpx.PoolTimeout)),
        # Frames that decode have headers and bodies among their variables.
        cause=None if isinstance(error, (BodyTooLargeError, DecodingError)) else scrub(error),
    )


def _advice_on_address(error: BaseException) -> str | None:
    """What to do about a connection that every further attempt would fail to make as well; None for other errors."""
    for link in chain(error):
        if isinstance(link, ssl.CertificateError):
            return "to trust the certificate, name its authority's file in SSL_CERT_FILE"
        if isinstance(link, ssl.SSLError) and link.reason in _NO_COMMON_TLS:
            return "is this an address for https? check base_url"
        if isinstance(link, socket.gaierror) and link.errno in _UNKNOWN_HOST:
            return "there is no such host: check base_url, and the proxy if there is one"
    return None


def _is_mislabelled(error: BaseException) -> bool:
    """Whether a lost connection is reported as one that could not be made, as `httpx-aiohttp` does."""
    aiohttp: Any = sys.modules.get("aiohttp")
    cause = error.__cause__
    if aiohttp is None or not isinstance(cause, aiohttp.ClientError):
        return False
    return not isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))


def _refused_response(error: httpx.HTTPStatusError) -> RawResponse:
    """The response that a hook of the user's client refused with `raise_for_status`. Only a hook can have read it."""
    response = error.response
    content = response.content if response.is_stream_consumed else b""
    is_http1 = response.http_version.startswith("HTTP/1")
    return to_raw_response(_Head(response.status_code, merge_headers(response.headers.raw), is_http1), content)


def deadline_failure(seconds: float, error: BaseException) -> TransportFailure:
    """The error of a request without a response in time."""
    return TransportFailure(
        message=f"no response in time: none within {seconds:.3g} s", sent=True, timed_out=True, cause=scrub(error)
    )


def read_timeout_failure(seconds: float, error: BaseException) -> TransportFailure:
    """The error of a stream from which no data was received in time."""
    return TransportFailure(
        message=f"no data received within {seconds:.3g} s", sent=True, timed_out=True, cause=scrub(error)
    )


def scrub(error: BaseException) -> BaseException:
    """Remove references to the request, and so to the key, from an error and its causes.

    Raises AurousError instead if the error means that the client is unusable.
    """
    for link in chain(error):
        link.__traceback__ = without_frames(link.__traceback__, _LIBRARIES)
        if isinstance(link, httpx.RequestError) and link._request is not None:  # noqa: SLF001 - `request` raises without one
            link.request = httpx.Request(link.request.method, link.request.url)
    if isinstance(error, RuntimeError) and not isinstance(error, httpx.StreamError):
        for words, message in _UNUSABLE_CLIENT.items():
            if words in str(error):
                raise AurousError(message) from None
    return error
