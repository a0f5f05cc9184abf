"""Fixtures of the client's tests."""

from __future__ import annotations

import os
import signal
import ssl
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from aurous._config import rerouting
from aurous_mock.server.launcher import Mock, running
from clientkit.callers import KINDS, Caller, Make, Time
from clientkit.streams import callers
from testkit.raw_server import RawServer, run_raw_server
from testkit.responses import KEY


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("testkit.pytest_session")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AUROUS_", "SSL")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def _certificates_read_once() -> Iterator[None]:
    # Reading all of them takes longer than most of these tests, and each client does it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssl.create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture
def outside_pytest() -> Iterator[None]:
    """Clients check their settings as they do in a program, without the pytest plugin."""
    previous = rerouting.install(None)
    yield
    rerouting.install(previous)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def make(kind: str, time: Time) -> Iterator[Make]:
    """Makes callers of one kind, whose waits take no time."""
    open_callers: list[Caller] = []

    def make(url: str, **options: Any) -> Caller:
        open_callers.append(Caller(kind, time, url, **options))
        return open_callers[-1]

    yield make
    for caller in open_callers:
        caller.close()


@pytest.fixture
def live(kind: str) -> Iterator[Make]:
    """Makes callers of one kind, by the clock of everybody else."""
    with callers(kind) as open_callers:
        yield open_callers


@pytest.fixture
def wire() -> Iterator[RawServer]:
    """A server of raw sockets."""
    with run_raw_server() as open_callers:
        yield open_callers


@pytest.fixture(scope="session")
def _mock() -> Iterator[Mock]:
    with running(keys={KEY: "team_default"}) as mock:
        yield mock


@pytest.fixture
def mock(_mock: Mock) -> Mock:
    """The mock server, without completions, charges or faults."""
    _mock.reset()
    return _mock


@pytest.fixture
def armed_interrupt() -> Iterator[threading.Event]:
    """SIGINT is a KeyboardInterrupt once, after this is set: a later one would end the process of the tests."""
    event = threading.Event()

    def interrupt(*_: object) -> None:
        if event.is_set():
            event.clear()
            raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, interrupt)
    yield event
    signal.signal(signal.SIGINT, previous)
