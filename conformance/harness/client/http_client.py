"""Makes the suite's HTTP clients, with the proxies and certificates that the environment names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from harness.settings import needs_certificates, without_user_info


def open_client(base_url: str, *, uses_environment: bool = True, **options: Any) -> httpx.Client:
    """A client of a server. Raises ValueError, with a message for the user, if the environment does not allow one."""
    try:
        return httpx.Client(
            base_url=base_url, verify=needs_certificates(base_url), trust_env=uses_environment, **options
        )
    except (ValueError, httpx.InvalidURL, ImportError, OSError) as error:
        raise ValueError(
            f"no client can be made with the proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY) and certificates "
            f"(SSL_CERT_FILE, SSL_CERT_DIR) of the environment: {without_user_info(str(error))}"
        ) from None


def environment_problem(base_url: str) -> str | None:
    """The message for a user whose environment allows no client of this server; None if it does."""
    try:
        open_client(base_url).close()
    except ValueError as error:
        return str(error)
    return None


def proxy_of(base_url: str) -> str | None:
    """The proxy of the environment through which a server is reached, as it may be shown; None without one."""
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return without_user_info(proxy) if proxy and not proxy_bypass(parts.hostname or "") else None
