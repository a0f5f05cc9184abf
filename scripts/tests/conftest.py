"""Sets pytest up for the tests of the scripts, and makes the scripts importable."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("testkit.pytest_session")
