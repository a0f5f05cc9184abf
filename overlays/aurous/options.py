"""Owns the settings of a client: reading, checking and carrying them, the key among them. Knows no HTTP library."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NoReturn
from urllib.parse import urlsplit

from attrs import evolve, field, frozen
from attrs.validators import in_
from aurous_client import API_VERSION, SERVER_URL

from .errors import ConfigurationError
from .hooks import Hooks
from .retries import RetryPolicy

KEY_VARIABLE: Final = "AUROUS_API_KEY"
URL_VARIABLE: Final = "AUROUS_BASE_URL"
VERSION_VARIABLE: Final = "AUROUS_API_VERSION"

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")


class FromEnvironment:
    """The type of `FROM_ENVIRONMENT`, which stands for a setting that was not given."""

    def __repr__(self) -> str:
        return "FROM_ENVIRONMENT"


FROM_ENVIRONMENT: Final = FromEnvironment()


class Secret:
    """A key that shows itself only when it is asked to."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        prefix = "al_live_" if self._value.startswith("al_live_") else ""
        tail = self._value[-4:] if len(self._value) >= 24 else ""
        return f"{prefix}...{tail}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled; give the other process the environment variable")


def _seconds(default: float) -> Any:
    def check(_: object, attribute: Any, value: float) -> None:
        if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
            raise ConfigurationError(
                f"timeout.{attribute.name} must be a finite number of seconds over 0, not {value!r}"
            )

    return field(default=default, validator=check)


@frozen(kw_only=True)
class Timeouts:
    """How long to wait, in seconds. None of them can be turned off."""

    connect: float = _seconds(5.0)
    """For a connection."""
    read: float = _seconds(300.0)
    """For the next byte of an answer; a long completion is made in silence."""
    write: float = _seconds(60.0)
    """For the network to take the next bytes of the request."""
    total: float = _seconds(600.0)
    """For the whole call, all attempts and waits included; for a stream, until its end."""
    first_event: float = _seconds(300.0)
    """For the first event of a stream, from the sending of the request; a model may think long before it speaks."""
    idle: float = _seconds(60.0)
    """For each further event of a stream. Keep-alives are no events: they prove the connection, not the answer."""

    @classmethod
    def of(cls, value: Timeouts | float | None) -> Timeouts:
        """Timeouts as they are; a number as the total; None for the defaults."""
        if value is None:
            return cls()
        return value if isinstance(value, Timeouts) else cls(total=value)


@frozen(kw_only=True)
class StreamPolicy:
    """What a stream does when it ends before its time."""

    on_drop: Literal["raise", "recover"] = field(default="raise", validator=in_(("raise", "recover")))
    """When the connection breaks: raise StreamInterruptedError, or ask for the stored record first and go on with what
    it has. The request is never sent again."""
    on_break: Literal["disconnect", "cancel"] = field(default="disconnect", validator=in_(("disconnect", "cancel")))
    """When the caller leaves early: hang up, which the server takes for a cancel; or cancel in words, which tells at
    once what was charged."""
    recover_within: float = _seconds(30.0)
    """Seconds to wait for a record to become final."""
    max_event_size: int | None = 64 * 1024 * 1024
    """Bytes that one event may have; None for no limit."""


@frozen(kw_only=True)
class Options:
    """Everything that a call needs to know besides itself."""

    api_key: Secret
    base_url: str
    """Without a trailing slash, and without /v1, which the paths bring."""
    api_version: str | None
    """Sent as `Aurous-Version`; None leaves it to the team's default."""
    timeout: Timeouts = field(factory=Timeouts)
    retry: RetryPolicy = field(factory=RetryPolicy)
    streams: StreamPolicy = field(factory=StreamPolicy)
    hooks: tuple[Hooks, ...] = ()

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
        """These options with some of them changed; what is not given stays."""
        changed = self if retry is None else evolve(self, retry=retry)
        if streams is not None:
            changed = evolve(changed, streams=streams)
        if max_retries is not None:
            changed = evolve(changed, retry=with_max_retries(changed.retry, max_retries))
        if timeout is not None:
            new = timeout if isinstance(timeout, Timeouts) else evolve(changed.timeout, total=timeout)
            changed = evolve(changed, timeout=new)
        if not isinstance(api_version, FromEnvironment):
            changed = evolve(changed, api_version=_checked_version(api_version, "api_version"))
        return changed if hooks is None else evolve(changed, hooks=tuple(hooks))


def read_options(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    api_version: str | FromEnvironment | None = FROM_ENVIRONMENT,
    timeout: Timeouts | float | None = None,
    max_retries: int | None = None,
    retry: RetryPolicy | None = None,
    streams: StreamPolicy | None = None,
    hooks: Sequence[Hooks] = (),
    environment: Mapping[str, str] | None = None,
) -> Options:
    """The settings given, then those of the environment, then the defaults. Raises ConfigurationError."""
    environment = os.environ if environment is None else environment
    if isinstance(api_version, FromEnvironment):
        version = _checked_version(environment.get(VERSION_VARIABLE) or API_VERSION, VERSION_VARIABLE)
    else:
        version = _checked_version(api_version, "api_version")
    url, source = (base_url, "base_url") if base_url is not None else (environment.get(URL_VARIABLE), URL_VARIABLE)
    policy = retry or RetryPolicy()
    return Options(
        api_key=_checked_key(api_key, environment),
        base_url=_checked_url(url or SERVER_URL, source),
        api_version=version,
        timeout=Timeouts.of(timeout),
        retry=policy if max_retries is None else with_max_retries(policy, max_retries),
        streams=streams or StreamPolicy(),
        hooks=tuple(hooks),
    )


def with_max_retries(policy: RetryPolicy, max_retries: int) -> RetryPolicy:
    if not isinstance(max_retries, int) or max_retries < 0:
        raise ConfigurationError(f"max_retries must be a whole number of 0 or more, not {max_retries!r}")
    return evolve(policy, max_retries=max_retries)


def _checked_key(given: str | None, environment: Mapping[str, str]) -> Secret:
    key = given if given is not None else environment.get(KEY_VARIABLE)
    source = "api_key" if given is not None else KEY_VARIABLE
    if not isinstance(key, str) or not key.strip():
        raise ConfigurationError(f"there is no API key: set {KEY_VARIABLE}, or pass api_key")
    if not _PRINTABLE.fullmatch(key.strip()):
        raise ConfigurationError(
            f"the API key in {source} holds characters that no key has (white space, or not ASCII)"
        )
    return Secret(key.strip())


def _checked_url(url: str, source: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        if not fits or any(character.isspace() for character in url):
            raise ValueError
    except (ValueError, AttributeError, TypeError):
        shown = _shown(url)
        raise ConfigurationError(f"{source} must be an address such as {SERVER_URL}, not {shown}") from None
    if parts.username or parts.query or parts.fragment:
        raise ConfigurationError(f"{source} must be a plain address, without user, query or fragment")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def _checked_version(version: str | None, source: str) -> str | None:
    if version is None:
        return None
    try:
        if not _VERSION.fullmatch(version):
            raise ValueError
        datetime.date.fromisoformat(version)
    except (ValueError, TypeError):
        raise ConfigurationError(f"{source} must be a date such as {API_VERSION!r}, or None; not {version!r}") from None
    return version


def _shown(url: object) -> str:
    """An address as an error may show it: without what could be a password."""
    return repr(url) if isinstance(url, str) and "@" not in url else "what was given"
