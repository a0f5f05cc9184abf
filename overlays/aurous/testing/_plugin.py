"""The pytest plugin: fixtures with a mock server, and a guard against calls to any other server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from .._config import rerouting
from ._active import active_mocks, environment_of, is_loopback
from ._hosts import ALL, parse_host
from ._mock import AurousMock

if TYPE_CHECKING:
    from .._config.options import Options

_ALLOWED_HOSTS: Final = "aurous_allowed_hosts"
_ALLOW_HOSTS: Final = "aurous_allow_hosts"
_UNUSED_ANSWERS: Final = "aurous_unused_answers"
_MISSING: Final = "the fixture aurous_mock needs the mock server: pip install 'aurous-labs[mock]' (no module {})"
_REFUSED: Final = (
    "{host} was not called: under pytest, Aurous clients call only servers on this machine. Use the fixture "
    f"aurous_mock (in all tests: usefixtures = aurous_mock in pytest's settings), or allow the host: "
    f"{_ALLOWED_HOSTS} = {{host}} in pytest's settings, or @pytest.mark.{_ALLOW_HOSTS}({{host!r}}) on the test"
)
_NO_CHOICE: Final = f"{_UNUSED_ANSWERS} in pytest's settings is 'error' or 'ignore', not {{!r}}"
_UNUSED: Final = "scripted answers were not given: {}"


@pytest.fixture
def aurous_mock(
    request: pytest.FixtureRequest, _aurous_mock_server: AurousMock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AurousMock]:
    """A mock of the Aurous Labs API on this machine. For the length of the test all clients call it.

    Clients that were made before the test do too, whatever their key and address, unless a test passes `base_url` for
    another server on this machine or allows a host. One server serves the whole session, or each worker of
    pytest-xdist, and is reset for each test. `module_aurous_mock` and `session_aurous_mock` are the same for fixtures
    and tests of a whole module or session, each with a server of its own; a test that has several calls the innermost.
    """
    _aurous_mock_server.reset()
    with _entered(_aurous_mock_server, monkeypatch, request.config):
        yield _aurous_mock_server


@pytest.fixture(scope="module")
def module_aurous_mock(request: pytest.FixtureRequest) -> Iterator[AurousMock]:
    """A mock as `aurous_mock` gives, for the length of a module."""
    yield from _own_server(request.config)


@pytest.fixture(scope="session")
def session_aurous_mock(request: pytest.FixtureRequest) -> Iterator[AurousMock]:
    """A mock as `aurous_mock` gives, for the length of the session."""
    yield from _own_server(request.config)


@pytest.fixture(scope="session")
def _aurous_mock_server() -> Iterator[AurousMock]:
    """The server behind `aurous_mock`."""
    with _serving() as mock:
        yield mock


def _own_server(config: pytest.Config) -> Iterator[AurousMock]:
    with _serving() as mock, pytest.MonkeyPatch.context() as monkeypatch, _entered(mock, monkeypatch, config):
        yield mock


@contextmanager
def _serving() -> Iterator[AurousMock]:
    try:
        from aurous_mock.server.launcher import running
    except ModuleNotFoundError as error:
        pytest.fail(_MISSING.format(error.name), pytrace=False)
    with running() as mock:
        yield mock


@contextmanager
def _entered(mock: AurousMock, monkeypatch: pytest.MonkeyPatch, config: pytest.Config) -> Iterator[None]:
    # By pytest's own means, so that a test which sets one of these itself has all of them undone in order.
    for name, value in environment_of(mock).items():
        monkeypatch.setenv(name, value)
    with active_mocks.entered(mock):
        yield
    if config.getini(_UNUSED_ANSWERS) == "error":
        unused = mock.unused_answers()
        if unused:
            pytest.fail(_UNUSED.format(unused), pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(_ALLOWED_HOSTS, "hosts that Aurous clients may call while pytest runs; * for all", type="args")
    parser.addini(_UNUSED_ANSWERS, "error: tests fail whose scripted answers were not all given", default="ignore")


def pytest_configure(config: pytest.Config) -> None:
    unused_answers = config.getini(_UNUSED_ANSWERS)
    if unused_answers not in ("error", "ignore"):
        raise pytest.UsageError(_NO_CHOICE.format(unused_answers))
    config.addinivalue_line("markers", f"{_ALLOW_HOSTS}(*hosts): hosts that Aurous clients may call in this test")
    try:
        allowed_hosts = frozenset(map(parse_host, config.getini(_ALLOWED_HOSTS)))
    except ValueError as error:
        raise pytest.UsageError(f"{_ALLOWED_HOSTS} in pytest's settings: {error}") from None
    guard = config.stash[_GUARD] = _Guard(allowed_hosts)
    config.add_cleanup(guard.uninstall)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    hosts = [host for marker in item.iter_markers(_ALLOW_HOSTS) for host in marker.args]
    # Nothing of an earlier test is left, even if this one ends here.
    item.config.stash[_GUARD].test_hosts = frozenset()
    try:
        item.config.stash[_GUARD].test_hosts = frozenset(map(parse_host, hosts))
    except ValueError as error:
        pytest.fail(f"@pytest.mark.{_ALLOW_HOSTS}: {error}", pytrace=False)


class _Guard:
    """Decides for each call of a client where it goes."""

    def __init__(self, allowed_hosts: frozenset[str]) -> None:
        self.test_hosts: frozenset[str] = frozenset()
        """Those that the current test allows."""
        self._allowed_hosts = allowed_hosts
        self._previous = rerouting.install(self.resolve)

    def uninstall(self) -> None:
        rerouting.install(self._previous)

    def resolve(self, options: Options) -> Options:
        host = urlsplit(options.base_url).hostname or ""
        is_allowed = bool({host, ALL} & (self._allowed_hosts | self.test_hosts))
        rerouted = active_mocks.rerouted(options, is_allowed=is_allowed)
        if rerouted is not None:
            return rerouted
        if not is_allowed and not is_loopback(host):
            from ..errors import ConfigurationError

            raise ConfigurationError(_REFUSED.format(host=host))
        options.check_key()
        return options


_GUARD: Final = pytest.StashKey[_Guard]()
