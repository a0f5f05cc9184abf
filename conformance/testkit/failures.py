"""A pytest plugin that writes the names of the tests that fail to a file, one a line: `--failures FILE`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--failures", type=Path, metavar="FILE", help="append the names of tests that fail to this file")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("failures")
    # Workers report to the process that started them.
    if file is not None and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(FailureWriter(file))


class FailureWriter:
    """Appends a line as soon as a test or a module fails."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._names: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed and report.nodeid not in self._names:
            self._names.add(report.nodeid)
            with self._file.open("a", encoding="utf-8") as file:
                # An id may have line breaks.
                file.write(" ".join(report.nodeid.splitlines()) + "\n")
