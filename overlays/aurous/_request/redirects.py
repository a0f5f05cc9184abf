"""Redirects of downloads: which of them are followed, and what is sent to where they lead.

A redirected download is stored elsewhere, often under a signed URL. Any other redirect means that base_url is wrong.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from aurous_client.operations import Operation

from .._config.environment import is_host
from ..transport.effects import RawResponse, SendRequest

MAX_REDIRECTS: Final = 5

_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
# What another host needs; any other header may be a secret between the caller and the API.
_PUBLIC_HEADERS: Final = frozenset({"accept", "accept-encoding", "if-range", "range", "user-agent"})


def redirected(operation: Operation[Any], request: SendRequest, response: RawResponse) -> SendRequest | None:
    """The request that a download continues with; None for a response that is not followed.

    Another host is sent no key, and only the headers that it needs.
    """
    if response.status_code not in _STATUSES or operation.method != "GET" or operation.format != "bytes":
        return None
    try:
        url = urljoin(request.url, response.headers["location"]).partition("#")[0]
        origin, target = _origin(urlsplit(request.url)), _origin(urlsplit(url))
    except (KeyError, ValueError):
        return None
    if origin == target:
        return request._replace(url=url, query=())
    is_downgrade = target[0] not in _PORTS or (origin[0], target[0]) == ("https", "http")
    # The same server under another scheme wants the key, so base_url needs that scheme.
    is_same_server = origin[0] != target[0] and origin[1] == target[1]
    leaks_key = request.api_key is not None and request.api_key.is_in((url,))
    if is_downgrade or is_same_server or leaks_key:
        return None
    headers = {name: value for name, value in request.headers.items() if name.lower() in _PUBLIC_HEADERS}
    return request._replace(url=url, query=(), headers=headers, api_key=None)


def with_api_headers(response: RawResponse, redirect: RawResponse) -> RawResponse:
    """The response of a store with the API's own headers, such as the request id, which only the redirect has."""
    own = {name: value for name, value in redirect.headers.items() if name.startswith(("aurous-", "x-ratelimit"))}
    return response._replace(headers={**own, **response.headers})


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    """Scheme, host and port. Raises ValueError for a URL that lacks a host, or has one or a port that cannot be."""
    if not is_host(url.hostname):
        raise ValueError("no host")
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
