"""Gives pytest the suite's options and the tests their server; everything else is in the package `harness`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import options
from harness.client.api_client import Server
from harness.plugin import Run
from harness.settings import Settings

RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rule(rule): the documented rule that a test proves")
    config.addinivalue_line("markers", "first: costs little, and may cost much; before a budget is touched")
    config.addinivalue_line("markers", "dear: costs more than most tests; after them")
    config.stash[RUN] = Run(config)
    config.pluginmanager.register(config.stash[RUN], "aurous-conformance")


@pytest.fixture(scope="session")
def settings(pytestconfig: pytest.Config) -> Settings:
    return pytestconfig.stash[RUN].settings


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server under test, asked with the run's key."""
    server = pytestconfig.stash[RUN].server()
    yield server
    server.close()
