"""The plugin that writes down which tests failed names each once, one a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from testkit.failures import FailureWriter


def report(nodeid: str, outcome: Literal["passed", "failed", "skipped"], when: Any = "call") -> pytest.TestReport:
    return pytest.TestReport(nodeid, ("test.py", 1, "test"), {}, outcome, None, when)


def test_failed_tests_are_written_once_one_a_line(tmp_path: Path) -> None:
    writer = FailureWriter(tmp_path / "failures")
    writer.pytest_runtest_logreport(report("test.py::test_right", "passed"))
    writer.pytest_runtest_logreport(report("test.py::test_wrong[a\nb]", "failed"))
    writer.pytest_runtest_logreport(report("test.py::test_wrong[a\nb]", "failed", "teardown"))
    writer.pytest_collectreport(pytest.CollectReport("test_broken.py", "failed", "SyntaxError", None))
    assert (tmp_path / "failures").read_text(encoding="utf-8") == "test.py::test_wrong[a b]\ntest_broken.py\n"
