"""The pytest options of the suite and the fixtures that give tests their server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

try:
    from harness import options
    from harness.checks.exchange_checks import ExchangeChecks
    from harness.client.api_client import ApiClient
    from harness.plugin import ConformancePlugin
    from harness.settings import Settings
except ModuleNotFoundError as error:
    print(f"{error.name} is missing; run in the checkout: pip install '.[conformance]'", file=sys.stderr)
    sys.exit(pytest.ExitCode.USAGE_ERROR)

PLUGIN = pytest.StashKey[ConformancePlugin]()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --why and --dry-run without collecting a test."""
    lines = options.answer_at_once(config)
    if lines is None:
        return None
    for line in lines:
        print(line)
    return 0


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PLUGIN] = ConformancePlugin(config)
    config.pluginmanager.register(config.stash[PLUGIN], "aurous-conformance")


@pytest.fixture(scope="session")
def settings(pytestconfig: pytest.Config) -> Settings:
    return pytestconfig.stash[PLUGIN].settings


@pytest.fixture(scope="session")
def exchange_checks(pytestconfig: pytest.Config) -> ExchangeChecks:
    """What every exchange of the run, up to the last inspection, was found to be."""
    return pytestconfig.stash[PLUGIN].exchange_checks


@pytest.fixture(scope="session")
def api(pytestconfig: pytest.Config) -> Iterator[ApiClient]:
    """A client of the server under test, with the run's key."""
    client = pytestconfig.stash[PLUGIN].api_client()
    yield client
    client.close()
