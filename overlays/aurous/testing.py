"""The pytest plugin: a mock server for the tests of a service, and a guard against calls to any other.

    def test_it_names_the_colours(aurous_mock):
        assert my_service.colours()  # calls Aurous(), or a client made when the module was imported
        assert len(aurous_mock.ledger()) == 1

pytest finds this module by its entry point. While it runs, no client calls a server that is not on this machine,
unless the ini option `aurous_allowed_hosts` or the marker `aurous_allow_hosts` names the host. The server is loaded
by the first test that asks for the fixture; it needs `pip install 'aurous-labs[mock]'`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import pytest

from ._config import redirect

if TYPE_CHECKING:
    from ._config.options import Options

_VARIABLES: Final = {"AUROUS_API_KEY": "api_key", "AUROUS_BASE_URL": "url"}
# A proxy that the machine is set to use cannot reach this machine's own loopback.
_NO_PROXY: Final = ("NO_PROXY", "no_proxy")
_ALLOWED_HOSTS: Final = "aurous_allowed_hosts"
_ALLOW_HOSTS: Final = "aurous_allow_hosts"
_MISSING: Final = "the fixture aurous_mock needs the mock server: pip install 'aurous-labs[mock]' (no module {})"
_REFUSED: Final = (
    "{host} was not called: under pytest, Aurous clients call only servers on this machine. Use the fixture "
    f"aurous_mock (in all tests: usefixtures = aurous_mock in pytest's settings), or allow the host: "
    f"{_ALLOWED_HOSTS} = {{host}} in pytest's settings, or @pytest.mark.{_ALLOW_HOSTS}({{host!r}}) on the test"
)


class AurousMock(Protocol):
    """What the fixture `aurous_mock` gives: a server of the test's own, without completions, charges or faults."""

    url: str
    """Its address, for `Aurous(base_url=...)`. In AUROUS_BASE_URL for the length of the test."""

    api_key: str
    """A key that it accepts. In AUROUS_API_KEY for the length of the test."""

    def ledger(self) -> list[dict[str, Any]]:
        """Every charge so far, in order: `completion_id`, `credits_charged`, `idempotency_key` and more."""
        ...

    def fault(self, fault: str, *, method: str = "", path: str = "") -> None:
        """Let the next request fail as `fault` says, once unless it has `times=N`; `aurous-mock --help` lists faults.

        method, path: only a request of this method, and one whose path begins so

            aurous_mock.fault("code=provider_rate_limited; retry-after=1; times=2")
            aurous_mock.fault("reset=after", method="POST", path="/v1/chat/completions")
            aurous_mock.fault("truncate=3")  # cut the stream after three frames
        """
        ...

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward, for example past the 24 hours of an idempotency key, without waiting."""
        ...

    def reset(self) -> None:
        """Forget everything, as is done before each test."""
        ...


@pytest.fixture
def aurous_mock(
    request: pytest.FixtureRequest, _aurous_mock_server: AurousMock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AurousMock]:
    """A mock of the Aurous Labs API on this machine. For the length of the test all clients call it.

    Clients that were made before the test do too, whatever their key and address, unless a test passes `base_url` for
    another server on this machine or allows a host. One server serves the whole session, or each worker of
    pytest-xdist, and is reset for each test.
    """
    for name in _NO_PROXY:
        hosts = [os.environ.get(name, ""), "127.0.0.1"]
        monkeypatch.setenv(name, ",".join(filter(None, hosts)))
    for name, attribute in _VARIABLES.items():
        monkeypatch.setenv(name, getattr(_aurous_mock_server, attribute))
    _aurous_mock_server.reset()
    guard = request.config.stash[_GUARD]
    guard.mock = _aurous_mock_server
    yield _aurous_mock_server
    guard.mock = None


@pytest.fixture(scope="session")
def _aurous_mock_server() -> Iterator[AurousMock]:
    """The server behind `aurous_mock`."""
    try:
        from aurous_mock.server.launcher import running
    except ModuleNotFoundError as error:
        pytest.fail(_MISSING.format(error.name), pytrace=False)
    with running() as mock:
        yield mock


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(_ALLOWED_HOSTS, "hosts that Aurous clients may call while pytest runs; * for all", type="args")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_ALLOW_HOSTS}(*hosts): hosts that Aurous clients may call in this test")
    guard = config.stash[_GUARD] = _Guard(config.getini(_ALLOWED_HOSTS))
    config.add_cleanup(guard.uninstall)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    hosts = [host for marker in item.iter_markers(_ALLOW_HOSTS) for host in marker.args]
    item.config.stash[_GUARD].test_hosts = frozenset(hosts)


class _Guard:
    """Decides for each call of a client where it goes."""

    def __init__(self, allowed_hosts: list[str]) -> None:
        self.mock: AurousMock | None = None
        """The server of the fixture, while a test has it."""
        self.test_hosts: frozenset[str] = frozenset()
        """Those that the current test allows."""
        self._allowed_hosts = frozenset(allowed_hosts)
        self._previous = redirect.install(self.resolve)

    def uninstall(self) -> None:
        redirect.install(self._previous)

    def resolve(self, options: Options) -> Options:
        from ._config.options import NO_KEY
        from ._config.secret import Secret
        from .errors import ConfigurationError

        mock, host = self.mock, urlsplit(options.base_url).hostname or ""
        is_allowed = bool({host, "*"} & (self._allowed_hosts | self.test_hosts))
        if mock is not None and options.base_url == mock.url:
            return options if options.api_key else options._replace(api_key=Secret(mock.api_key))
        if mock is not None and not is_allowed and not (options.is_base_url_explicit and _is_loopback(host)):
            return options._replace(base_url=mock.url, api_key=Secret(mock.api_key))
        if not is_allowed and not _is_loopback(host):
            raise ConfigurationError(_REFUSED.format(host=host))
        if not options.api_key:
            raise ConfigurationError(NO_KEY)
        return options


_GUARD: Final = pytest.StashKey[_Guard]()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
