"""Reads from the environment which proxy a request goes through and which certificates are trusted, and checks both."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeAlias, TypeGuard
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from ..errors import ConfigurationError

Network: TypeAlias = IPv4Network | IPv6Network

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_IPV4_PARTS: Final = 4
# Characters of a part of a host's name.
_MAX_LABEL: Final = 63


class Exclusion(NamedTuple):
    """One entry of NO_PROXY: requests to these hosts go through no proxy."""

    domain: str = ""
    """This host and those below it; empty for all."""
    network: Network | None = None
    scheme: str = ""
    port: int | None = None

    def matches(self, url: SplitResult) -> bool:
        if self.scheme and self.scheme != url.scheme:
            return False
        if self.port is not None and self.port != (url.port or _DEFAULT_PORTS.get(url.scheme)):
            return False
        host = (url.hostname or "").rstrip(".")
        if self.network is not None:
            try:
                return ip_address(host) in self.network
            except ValueError:
                return False
        return not self.domain or host == self.domain or host.endswith("." + self.domain)


class Proxies:
    """The proxies of the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either case.

    NO_PROXY lists domains, which include those below them, addresses, networks such as 10.0.0.0/8, and `*` for all,
    each with or without a port. Raises ConfigurationError for an entry that cannot be read.
    """

    def __init__(self) -> None:
        proxies = getproxies()
        self._by_scheme = {scheme: url for scheme, url in proxies.items() if scheme in ("http", "https", "all") and url}
        self._exclusions = tuple(_exclusions(proxies.get("no", ""))) if self._by_scheme else ()

    def __bool__(self) -> bool:
        return bool(self._by_scheme)

    def url_for(self, url: str) -> str | None:
        """The proxy for requests to an address; None for none. Raises ConfigurationError for an unusable one."""
        parts = urlsplit(url)
        scheme = parts.scheme if parts.scheme in self._by_scheme else "all"
        if scheme not in self._by_scheme or any(each.matches(parts) for each in self._exclusions):
            return None
        return _checked_proxy(self._by_scheme[scheme], _variable(f"{scheme}_proxy"))


def is_host(host: str | None) -> TypeGuard[str]:
    """Whether a host can be looked up: Python raises UnicodeError for one with a part that is empty or too long."""
    return host is not None and all(0 < len(part) <= _MAX_LABEL for part in host.removesuffix(".").split("."))


def check(base_url: str) -> None:
    """Raise ConfigurationError, which names the variable, if the environment makes connecting impossible."""
    Proxies().url_for(base_url)
    for name, load in _FILES.items():
        path = os.environ.get(name)
        if not path:
            continue
        try:
            load(path)
        except OSError as error:
            reason = error.strerror if type(error) is not ssl.SSLError else "there are no certificates in PEM format"
            raise ConfigurationError(f"the environment variable {name} is {path!r}: {reason}") from None


def _exclusions(value: str) -> Iterator[Exclusion]:
    for entry in filter(None, (part.strip().lower() for part in value.split(","))):
        try:
            yield _exclusion(entry)
        except ValueError as error:
            raise ConfigurationError(f"{_variable('no_proxy')} holds {entry!r}: {error}") from None


def _exclusion(entry: str) -> Exclusion:
    scheme, separator, rest = entry.rpartition("://")
    scheme = scheme if separator and scheme != "all" else ""
    if "/" in rest:
        address, _, bits = rest.partition("/")
        address = address.strip("[]")
        # As macOS writes them: 169.254/16.
        missing = _IPV4_PARTS - 1 - address.count(".") if ":" not in address else 0
        return Exclusion(network=ip_network(f"{address}{'.0' * missing}/{bits}", strict=False), scheme=scheme)
    try:
        return Exclusion(network=ip_network(rest), scheme=scheme)
    except ValueError:
        parts = urlsplit(f"//{rest}")
    host, port = (parts.hostname or "").rstrip("."), parts.port
    if rest.startswith("["):
        return Exclusion(network=ip_network(host), scheme=scheme, port=port)
    try:
        return Exclusion(network=ip_network(host), scheme=scheme, port=port)
    except ValueError:
        return Exclusion(domain=host.removeprefix("*").removeprefix("."), scheme=scheme, port=port)


def _checked_proxy(url: str, variable: str) -> str:
    url = url.strip() if "://" in url else f"http://{url.strip()}"
    try:
        parts = urlsplit(url)
        scheme = parts.scheme if is_host(parts.hostname) and parts.port != 0 else ""
    except ValueError:
        scheme = ""
    # Without the value, which may hold a password.
    if scheme not in _PROXY_SCHEMES or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{variable} must be the address of a proxy, such as http://proxy.example:8080")
    if scheme.startswith("socks") and not _has_socks():
        advice = "pip install 'httpx[socks]'"
        raise ConfigurationError(f"{variable} names a SOCKS proxy, which needs an extra of httpx: {advice}")
    return url


def _has_socks() -> bool:
    from importlib.util import find_spec

    return find_spec("socksio") is not None


def _variable(name: str) -> str:
    """How to call a setting: by the variable that it comes from, if there is one."""
    variable = next((each for each in (name, name.upper()) if os.environ.get(each)), None)
    return f"the environment variable {variable}" if variable else f"the system's setting for {name}"


def _load_file(path: str) -> None:
    status = os.stat(path)
    _load_certificates(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _load_certificates(path: str, modified: int, size: int) -> None:
    # Reading a system's bundle takes longer than all else that makes a client: once per content of the file.
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)


def _list_folder(path: str) -> None:
    os.listdir(path)


def _append(path: str) -> None:
    with open(path, "ab"):
        pass


_FILES: Final[dict[str, Callable[[str], None]]] = {
    "SSL_CERT_FILE": _load_file,
    "SSL_CERT_DIR": _list_folder,
    "SSLKEYLOGFILE": _append,
}
