"""Hosts that tests may allow, in the form in which addresses have them."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

ALL: Final = "*"
_NAME: Final = re.compile(r"[^\s/:@?#,;*\\\[\]]+")


def parse_host(text: object) -> str:
    """The host as it stands in an address, in lower case; `*` stands for all. Raises ValueError if none can be so."""
    if isinstance(text, str):
        host = text.lower()
        if host == ALL or _NAME.fullmatch(host) or _is_ipv6(host):
            return host
        if host.startswith("[") and host.endswith("]") and _is_ipv6(host[1:-1]):
            return host[1:-1]
    # Not shown: the user and password of an address.
    shown = re.sub(r"[^/\s]*@", "", text) if isinstance(text, str) else text
    raise ValueError(f"{shown!r} is not a host, such as staging.example.com; {_advice(text)}")


def _advice(text: object) -> str:
    if not isinstance(text, str):
        return "each is text, and an argument of its own"
    if "," in text or ";" in text:
        return "write spaces between several"
    if ALL in text:
        return f"{ALL} stands for all hosts, and not for a part of one"
    return f"leave out scheme, port and path{_without_them(text)}"


def _without_them(text: str) -> str:
    """The host that is left of an address, in words; nothing if none is."""
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""
    return f": {host}" if _NAME.fullmatch(host) or _is_ipv6(host) else ""


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
