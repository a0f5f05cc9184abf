"""Sets pytest up for all tests of the mock, the suite and the testkit."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("testkit.pytest_session")
