"""Maps exceptions of HTTP libraries to `TransportError`, without references to the key."""

from __future__ import annotations

import ssl
import sys
from typing import Any, Final

import httpx

from ..errors import AurousError
from .effects import SendRequest, TransportError
from .tracebacks import chain, without_frames

FAILURES: Final = (httpx.RequestError, httpx.InvalidURL, httpx.StreamError, OSError)
"""Errors of the network. Anything else is a bug of the program, or cancels its task."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_UNUSABLE = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)

CLOSED: Final = "the client is closed; make a new one"
_UNUSABLE_CLIENT = {
    "client has been closed": CLOSED,
    "Event loop is closed": "the http_client belongs to an event loop that is closed; give one that does not",
    "attached to a different loop": "the http_client belongs to another event loop; give one that does not",
    "bound to a different event loop": "the http_client belongs to another event loop; give one that does not",
}
_LIBRARIES = frozenset({"httpx", "httpcore", "h11", "h2", "hpack", "anyio", "trio", "aiohttp", "httpx_aiohttp"})
_DESCRIPTIONS: dict[type[BaseException], str] = {
    httpx.ConnectError: "cannot connect",
    httpx.ConnectTimeout: "cannot connect in time",
    httpx.PoolTimeout: "no free connection in time",
    httpx.ReadTimeout: "no response in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.RemoteProtocolError: "the response was cut short or is not HTTP",
    httpx.DecodingError: "the body cannot be decompressed",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: "the address cannot be used",
    httpx.InvalidURL: "the address cannot be used",
    httpx.LocalProtocolError: "the request is not valid HTTP",
}


def to_transport_error(error: BaseException, request: SendRequest | None) -> TransportError:
    kind = next((word for cause, word in _DESCRIPTIONS.items() if isinstance(error, cause)), "the connection broke")
    detail = str(error).strip()
    if isinstance(error, httpx.ReadTimeout) and request is not None:
        detail = detail if detail and detail != "timed out" else f"nothing for {request.read:.3g} s"
    return TransportError(
        message=f"{kind}: {detail}" if detail else kind,
        sent=not isinstance(error, (*_NOT_SENT, *_UNUSABLE)) or _is_mislabelled(error),
        timed_out=isinstance(error, httpx.TimeoutException),
        is_final=isinstance(error, (*_UNUSABLE, httpx.PoolTimeout))
        or any(isinstance(link, ssl.CertificateError) for link in chain(error)),
        is_pool_timeout=isinstance(error, httpx.PoolTimeout),
        cause=scrub(error),
    )


def _is_mislabelled(error: BaseException) -> bool:
    """Whether a lost connection is reported as one that could not be made, as `httpx-aiohttp` does."""
    aiohttp: Any = sys.modules.get("aiohttp")
    cause = error.__cause__
    if aiohttp is None or not isinstance(cause, aiohttp.ClientError):
        return False
    return not isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))


def deadline_error(seconds: float, error: BaseException) -> TransportError:
    """The error of a request without a response in time."""
    return TransportError(
        message=f"no response in time: none within {seconds:.3g} s", sent=True, timed_out=True, cause=scrub(error)
    )


def scrub(error: BaseException) -> BaseException:
    """Remove references to the request, and so to the key, from an error and its causes.

    Raises AurousError instead if the error means that the client is unusable.
    """
    for link in chain(error):
        link.__traceback__ = without_frames(link.__traceback__, _LIBRARIES)
        if isinstance(link, httpx.RequestError) and link._request is not None:
            link.request = httpx.Request(link.request.method, link.request.url)
    if isinstance(error, RuntimeError) and not isinstance(error, httpx.StreamError):
        for words, message in _UNUSABLE_CLIENT.items():
            if words in str(error):
                raise AurousError(message) from None
    return error


def read_timeout_error(seconds: float, error: BaseException) -> TransportError:
    """The error of a stream from which no data was received in time."""
    return TransportError(
        message=f"no data received within {seconds:.3g} s", sent=True, timed_out=True, cause=scrub(error)
    )
