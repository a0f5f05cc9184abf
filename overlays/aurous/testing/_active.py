"""Which mock the clients of this process call: the one that was started last and still runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from .._config import rerouting

if TYPE_CHECKING:
    from .._config.options import Options


class Address(Protocol):
    """What a client needs to know of a mock."""

    url: str
    api_key: str


class ActiveMocks:
    """The mocks that clients are sent to, the last one first."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._mocks: list[Address] = []
        self._in_environment: list[Address] = []
        self._before: dict[str, str | None] = {}

    @property
    def current(self) -> Address | None:
        """The mock that was entered last."""
        mocks = self._mocks
        return mocks[-1] if mocks else None

    @contextmanager
    def entered(self, mock: Address, *, in_environment: bool = False) -> Iterator[None]:
        """Send the clients of this process to a mock, for the length of a block.

        in_environment: also have its address and key in the environment
        """
        with self._lock:
            self._mocks = [*self._mocks, mock]
            if rerouting.installed is None:
                rerouting.install(self._resolve)
            if in_environment:
                self._enter_environment(mock)
        try:
            yield
        finally:
            with self._lock:
                if in_environment:
                    self._leave_environment(mock)
                self._mocks = [each for each in self._mocks if each is not mock]
                if not self._mocks:
                    rerouting.uninstall(self._resolve)

    def _enter_environment(self, mock: Address) -> None:
        changes = environment_of(mock)
        if not self._in_environment:
            self._before = {name: os.environ.get(name) for name in changes}
        self._in_environment.append(mock)
        os.environ.update(changes)

    def _leave_environment(self, mock: Address) -> None:
        self._in_environment.remove(mock)
        if self._in_environment:
            os.environ.update(environment_of(self._in_environment[-1]))
        else:
            _restore(self._before)

    def _resolve(self, options: Options) -> Options:
        options = self.rerouted(options) or options
        options.check_key()
        return options

    def rerouted(self, options: Options, *, is_allowed: bool = False) -> Options | None:
        """The options with which a client calls the current mock; None for one that calls another server.

        is_allowed: whether the host of the options may be called
        """
        from .._config.secret import Secret

        mock, host = self.current, urlsplit(options.base_url).hostname or ""
        if mock is None:
            return None
        if options.base_url == mock.url:
            return options if options.api_key else options._replace(api_key=Secret(mock.api_key))
        if is_allowed or (options.is_base_url_explicit and is_loopback(host)):
            return None
        return options._replace(base_url=mock.url, api_key=Secret(mock.api_key))


active_mocks: Final = ActiveMocks()


def environment_of(mock: Address) -> dict[str, str]:
    """The variables with which clients, and programs that are started meanwhile, find a mock."""
    changes = {"AUROUS_API_KEY": mock.api_key, "AUROUS_BASE_URL": mock.url}
    # A proxy that the machine is set to use cannot reach this machine's own loopback.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        changes[name] = ",".join(hosts if "127.0.0.1" in hosts else [*hosts, "127.0.0.1"])
    return changes


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
