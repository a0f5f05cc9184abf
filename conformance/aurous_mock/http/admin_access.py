"""Decides who may use the admin endpoints and inject faults: holders of the admin key, or programs on this machine."""

import hmac
from collections.abc import Mapping
from ipaddress import ip_address

from starlette.types import Scope

from aurous_mock.settings import Settings

HEADER = "aurous-mock-key"
# Sent through a proxy or by a browser: the address of the connection is not that of the sender.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_BROWSER = ("origin", "referer", "sec-fetch-site", "sec-fetch-mode")


def may_use_admin(scope: Scope, headers: Mapping[str, str], settings: Settings) -> bool:
    """Whether a request may use the endpoints under /_mock/, and /metrics."""
    # An empty key, which every request would have, is none.
    if settings.admin_key:
        return _has_key(headers, settings.admin_key)
    if settings.upstream is not None or any(name in headers for name in (*_FORWARDED, *_BROWSER)):
        return False
    # DNS rebinding: a web page may make its own name resolve to this machine, so only names of this machine count.
    return is_loopback((scope.get("client") or ("", 0))[0]) and _is_own_host(headers.get("host", ""), settings.host)


def may_inject_faults(headers: Mapping[str, str], settings: Settings) -> bool:
    """Whether a request may name a fault in its own headers, and scripted faults apply to it."""
    if settings.upstream is None:
        return True
    return _has_key(headers, settings.admin_key) if settings.admin_key else False


def is_loopback(address: str) -> bool:
    """Whether this is a loopback address; False for what is not an address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _is_own_host(host: str, listening_on: str) -> bool:
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower()
    return name in ("localhost", listening_on.lower()) or is_loopback(name)


def _has_key(headers: Mapping[str, str], key: str) -> bool:
    """Whether the key is sent, in the header of its own or as a bearer token, which Prometheus sends."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    sent = headers.get(HEADER) or (token if scheme.lower() == "bearer" else "")
    return hmac.compare_digest(sent.encode("latin-1"), key.encode())
