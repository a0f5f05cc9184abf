"""Reads, checks and carries the settings of a client."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from aurous_client import API_VERSION, SERVER_URL

from ..errors import ConfigurationError
from .environment import is_host
from .policies import RetryPolicy, StreamPolicy, Timeouts
from .secret import Secret

if TYPE_CHECKING:
    from .hooks import Hooks

KEY_VARIABLE: Final = "AUROUS_API_KEY"
URL_VARIABLE: Final = "AUROUS_BASE_URL"
VERSION_VARIABLE: Final = "AUROUS_API_VERSION"

Backend: TypeAlias = Literal["auto", "httpx", "aiohttp"]


class FromEnvironment:
    """The type of `FROM_ENVIRONMENT`, which stands for a setting that was not given."""

    def __repr__(self) -> str:
        return "FROM_ENVIRONMENT"


FROM_ENVIRONMENT: Final = FromEnvironment()


class Options(NamedTuple):
    """The checked settings of a client."""

    api_key: Secret
    base_url: str
    """Without a trailing slash, and without /v1, which the paths bring."""
    api_version: str | None
    """Sent as `Aurous-Version`; None leaves it to the team's default."""
    timeout: Timeouts = Timeouts()
    retry: RetryPolicy = RetryPolicy()
    streams: StreamPolicy = StreamPolicy()
    hooks: tuple[Hooks, ...] = ()
    is_base_url_explicit: bool = False
    """Whether the address was an argument, rather than of the environment or the default."""

    def check_key(self) -> None:
        """Raise ConfigurationError if there is no key."""
        if not self.api_key:
            raise ConfigurationError(f"there is no API key: set {KEY_VARIABLE}, or pass api_key")

    def with_changes(
        self,
        *,
        api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
        timeout: Timeouts | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        streams: StreamPolicy | None = None,
        hooks: Sequence[Hooks] | None = None,
    ) -> Options:
        """These options with some of them replaced."""
        changed = self if retry is None else self._replace(retry=retry)
        if streams is not None:
            changed = changed._replace(streams=streams)
        if max_retries is not None:
            changed = changed._replace(retry=replace(changed.retry, max_retries=max_retries))
        if timeout is not None:
            changed = changed._replace(timeout=changed.timeout.changed_by(timeout))
        if not isinstance(api_version, FromEnvironment):
            changed = changed._replace(api_version=checked_version(api_version, "api_version"))
        _check_kind("retry", changed.retry, RetryPolicy)
        _check_kind("streams", changed.streams, StreamPolicy)
        _check_hooks(changed.hooks if hooks is None else hooks)
        return changed if hooks is None else changed._replace(hooks=tuple(hooks))


def read_options(
    *,
    api_key: Secret | None = None,
    base_url: str | None = None,
    api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
    timeout: Timeouts | float | None = None,
    max_retries: int | None = None,
    retry: RetryPolicy | None = None,
    streams: StreamPolicy | None = None,
    hooks: Sequence[Hooks] = (),
) -> Options:
    """The arguments, else the environment, else the defaults; without a key, an empty one. Raises ConfigurationError.

    No frame of the traceback holds the key or the environment, since error trackers collect local variables.
    """
    if isinstance(api_version, FromEnvironment):
        version = checked_version(os.environ.get(VERSION_VARIABLE) or API_VERSION, VERSION_VARIABLE)
    else:
        version = checked_version(api_version, "api_version")
    if base_url is not None:
        url = _checked_url(base_url, "base_url")
    else:
        url = _checked_url(os.environ.get(URL_VARIABLE) or SERVER_URL, URL_VARIABLE)
    policy = retry or RetryPolicy()
    _check_kind("retry", policy, RetryPolicy)
    _check_kind("streams", streams or StreamPolicy(), StreamPolicy)
    _check_hooks(hooks)
    return Options(
        api_key=_checked_key(api_key),
        base_url=url,
        api_version=version,
        timeout=Timeouts.of(timeout),
        retry=policy if max_retries is None else replace(policy, max_retries=max_retries),
        streams=streams or StreamPolicy(),
        hooks=tuple(hooks),
        is_base_url_explicit=base_url is not None,
    )


def _check_kind(name: str, value: object, kind: type[Any]) -> None:
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")


def _check_hooks(hooks: object) -> None:
    if hooks == ():
        return
    # Imported only by those who use hooks.
    from .hooks import Hooks

    if not isinstance(hooks, Sequence) or not all(isinstance(hook, Hooks) for hook in hooks):
        raise ConfigurationError("hooks must be a sequence of objects whose classes derive from aurous.Hooks")


def checked_version(version: str | None, source: str) -> str | None:
    """A date, or None. Raises ConfigurationError."""
    if version is None:
        return None
    try:
        # ISO 8601 has other forms, which the API does not take.
        if datetime.date.fromisoformat(version).isoformat() != version:
            raise ValueError
    except (ValueError, TypeError):
        or_none = "" if source == VERSION_VARIABLE else ", or None"
        message = f"{source} must be a date such as {API_VERSION!r}{or_none}; it is {version!r}"
        raise ConfigurationError(message) from None
    return version


def _checked_key(given: Secret | None) -> Secret:
    key = Secret.of(os.environ.get(KEY_VARIABLE)) if given is None else given
    if key is not None and key.wrong_type is not None:
        raise ConfigurationError(f"api_key must be a str, not {key.wrong_type}")
    if not key:
        return Secret("")
    if not key.is_sendable():
        source = KEY_VARIABLE if given is None else "api_key"
        raise ConfigurationError(f"the API key in {source} holds characters that no key has (a space, or not ASCII)")
    return key


def _checked_url(url: str, source: str) -> str:
    try:
        url = url.strip()
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and is_host(parts.hostname) and parts.port != 0
        if not fits or not url.isprintable() or any(character in url for character in " \\"):
            raise ValueError
    except (ValueError, AttributeError, TypeError):
        shown = _shown(url)
        raise ConfigurationError(f"{source} must be an address such as {SERVER_URL}, not {shown}") from None
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ConfigurationError(f"{source} must be a plain address, without user, query or fragment")
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _shown(url: object) -> str:
    """An address as an error may show it, without anything that could be a password."""
    return repr(url) if isinstance(url, str) and "@" not in url else "the given value"
