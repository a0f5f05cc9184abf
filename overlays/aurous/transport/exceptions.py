"""Says what went wrong on the network, and takes out of it what leads to the key."""

from __future__ import annotations

import ssl
import sys
from typing import Any, Final

import httpx

from ..errors import AurousError
from .effects import SendRequest, TransportError
from .tracebacks import chain, without_frames

FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)
"""What the network does to a request. Anything else is a fault of the program, or the end of its task."""

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
_WORDS: dict[type[BaseException], str] = {
    httpx.ConnectError: "cannot connect",
    httpx.ConnectTimeout: "cannot connect in time",
    httpx.PoolTimeout: "no free connection in time",
    httpx.ReadTimeout: "no response in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.RemoteProtocolError: "the response was cut short or is no HTTP",
    httpx.DecodingError: "the body cannot be decompressed",
    httpx.ProxyError: "the proxy refused",
    httpx.UnsupportedProtocol: "the address cannot be used",
    httpx.InvalidURL: "the address cannot be used",
    httpx.LocalProtocolError: "the request is no HTTP",
}


def failure_of(error: BaseException, step: SendRequest | None) -> TransportError:
    kind = next((word for known, word in _WORDS.items() if isinstance(error, known)), "the connection broke")
    said = str(error).strip()
    if isinstance(error, httpx.ReadTimeout) and step is not None:
        said = said if said and said != "timed out" else f"nothing for {step.read:.3g} s"
    return TransportError(
        message=f"{kind}: {said}" if said else kind,
        sent=not isinstance(error, (*_NOT_SENT, *_UNUSABLE)) or _is_misnamed(error),
        timed_out=isinstance(error, httpx.TimeoutException),
        is_final=isinstance(error, _UNUSABLE) or any(isinstance(link, ssl.CertificateError) for link in chain(error)),
        cause=clean(error),
    )


def _is_misnamed(error: BaseException) -> bool:
    """Whether it says of a connection that was lost that none could be made, as `httpx-aiohttp` does."""
    aiohttp: Any = sys.modules.get("aiohttp")
    cause = error.__cause__
    if aiohttp is None or not isinstance(cause, aiohttp.ClientError):
        return False
    return not isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))


def late(seconds: float, error: BaseException) -> TransportError:
    """No answer came in time."""
    return TransportError(
        message=f"no response in time: none within {seconds:.3g} s", sent=True, timed_out=True, cause=clean(error)
    )


def clean(error: BaseException) -> BaseException:
    """Take out of the error, and all behind it, what leads to a request and so to the key.

    Raises AurousError in its place where it says that the client cannot be used.
    """
    for link in chain(error):
        link.__traceback__ = without_frames(link.__traceback__, _LIBRARIES)
        if isinstance(link, httpx.RequestError) and link._request is not None:
            link.request = httpx.Request(link.request.method, link.request.url)
    if isinstance(error, RuntimeError) and not isinstance(error, httpx.StreamError):
        for words, told in _UNUSABLE_CLIENT.items():
            if words in str(error):
                raise AurousError(told) from None
    return error


def silence(seconds: float, error: BaseException) -> TransportError:
    """Nothing came of a stream, for so many seconds."""
    return TransportError(message=f"nothing came within {seconds:.3g} s", sent=True, timed_out=True, cause=clean(error))
