"""Runs the suite in a process of its own, as its users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.settings import OTHER_EMBEDDED_KEY

ROOT = Path(__file__).resolve().parents[3]


# In seconds; a busy machine takes many times as long as a quiet one.
TIMEOUT = 1800
# Generating what is in there takes as long as all the rest.
WRITTEN_BY_HAND = "--ignore=conformance/rules/test_properties.py"


def run(*arguments: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    """One run; `cache` is the folder in which it remembers what failed, and why."""
    # Rules do not assert; rewriting the assertions of all that pytest loads takes longer than many a run.
    command = [sys.executable, "-m", "pytest", "conformance", "-q", "--assert=plain"]
    command += ["-o", f"cache_dir={cache}"] if cache else ["-p", "no:cacheprovider"]
    command += arguments
    # Those of the tests' own pytest, such as a bump's, which has no cache.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


def run_report(url: str, report: Path, *arguments: str) -> dict[str, Any]:
    """The JSON report of a run against a URL."""
    keys = ["--other-api-key", OTHER_EMBEDDED_KEY]
    done = run(
        "--base-url", url, *keys, "--profile", "quick", "--max-seconds", "0", "--report", str(report), *arguments
    )
    assert report.exists(), done.stdout + done.stderr
    actual: dict[str, Any] = json.loads(report.read_text())
    actual["exit"] = done.returncode
    actual["output"] = done.stdout
    return actual


def failed(report: dict[str, Any]) -> dict[str, str]:
    return {name: rule["actual"] for name, rule in report["rules"].items() if rule["outcome"] == "failed"}
