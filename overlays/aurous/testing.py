"""The pytest plugin: a mock server for the tests of a service. Owns its start and its end; knows not how it works.

    def test_it_names_the_colours(aurous_mock):
        assert my_service.colours()  # calls Aurous(), which reads the environment
        assert len(aurous_mock.ledger()) == 1

pytest finds this module by its entry point. It loads nothing of the server: that is for the first test that asks for
it. Needs `pip install 'aurous-labs[mock]'`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final, Protocol

import pytest

_VARIABLES: Final = {"AUROUS_API_KEY": "api_key", "AUROUS_BASE_URL": "url"}
# A proxy that the machine is set to use cannot reach this machine's own loopback.
_NO_PROXY: Final = ("NO_PROXY", "no_proxy")
_MISSING: Final = "the fixture aurous_mock needs the mock server: pip install 'aurous-labs[mock]' (no module {})"


class AurousMock(Protocol):
    """What the fixture `aurous_mock` gives: a server of the test's own, without completions, charges or faults."""

    url: str
    """Where it listens; what `Aurous(base_url=...)` takes. In AUROUS_BASE_URL for the length of the test."""

    api_key: str
    """A key that it accepts. In AUROUS_API_KEY for the length of the test."""

    def ledger(self) -> list[dict[str, Any]]:
        """Every charge so far, in order: `completion_id`, `credits_charged`, `idempotency_key` and more."""
        ...

    def fault(self, fault: str, *, method: str = "", path: str = "") -> None:
        """Let the next request suffer `fault`, once unless it says `times=N`; `aurous-mock --help` lists them.

        method, path: only a request of this method, and one whose path begins so

            aurous_mock.fault("code=provider_rate_limited; retry-after=1; times=2")
            aurous_mock.fault("reset=after", method="POST", path="/v1/chat/completions")
            aurous_mock.fault("truncate=3")  # cut the stream after three frames
        """
        ...

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward, past the 24 hours of an idempotency key for one. Nobody waits."""
        ...

    def reset(self) -> None:
        """Forget everything, as is done before each test."""
        ...


@pytest.fixture
def aurous_mock(_aurous_mock_server: AurousMock, monkeypatch: pytest.MonkeyPatch) -> AurousMock:
    """A mock of the Aurous Labs API on this machine; `Aurous()` talks to it for the length of the test.

    One server serves the whole session, or each worker of pytest-xdist, and is reset for each test.
    """
    for name in _NO_PROXY:
        hosts = [os.environ.get(name, ""), "127.0.0.1"]
        monkeypatch.setenv(name, ",".join(filter(None, hosts)))
    for name, attribute in _VARIABLES.items():
        monkeypatch.setenv(name, getattr(_aurous_mock_server, attribute))
    _aurous_mock_server.reset()
    return _aurous_mock_server


@pytest.fixture(scope="session")
def _aurous_mock_server() -> Iterator[AurousMock]:
    """The server behind `aurous_mock`."""
    try:
        from aurous_mock.server.launcher import running
    except ModuleNotFoundError as error:
        pytest.fail(_MISSING.format(error.name), pytrace=False)
    with running() as mock:
        yield mock
