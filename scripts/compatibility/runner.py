"""Runs a client's driver against a mock of its own, in bounded time, and reads its results."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testkit.mock_process import MockProcess

from compatibility.clients import Client
from compatibility.environments import InstallError, installed

CHECKS = ("call", "stream", "tools", "structured", "errors")
PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
_KEY = "al_live_" + "0" * 64
_CHECK_SECONDS = 60
# For all checks, and for loading the client.
_DRIVER_SECONDS = len(CHECKS) * _CHECK_SECONDS + 60


@dataclass(frozen=True, slots=True)
class Result:
    """How a client or an engine did: its version, the day, and of each check the result and its reason."""

    version: str
    date: str
    checks: dict[str, dict[str, str]]

    @classmethod
    def failed(cls, reason: str, version: str = "", checks: Iterable[str] = CHECKS) -> Result:
        """The result of a client or an engine that could not be run at all."""
        return cls(version, today(), {check: {"result": FAILED, "reason": reason} for check in checks})

    @property
    def failures(self) -> list[str]:
        return [f"{name}: {each['reason']}" for name, each in self.checks.items() if each["result"] == FAILED]


def run(client: Client) -> Result:
    """Install a client, run its checks, and remove it again."""
    try:
        with installed(client) as (command, version), MockProcess("--no-access-log") as mock:
            return run_driver(command, version, mock.url)
    except InstallError as error:
        return Result.failed(f"not installed: {error}")


def run_driver(command: list[str], version: str, url: str) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        # Nothing of this machine's own settings: no key of a provider, no proxy.
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "SSL_CERT_FILE") if name in os.environ}
        environment = {
            **inherited,
            "HOME": folder,
            "COMPAT_URL": url,
            "COMPAT_KEY": _KEY,
            "COMPAT_RESULTS": str(results),
            "COMPAT_SECONDS": str(_CHECK_SECONDS),
        }
        try:
            completed = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_DRIVER_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return Result.failed(f"not finished after {_DRIVER_SECONDS} s", version)
        if not results.exists():
            lines = completed.stderr.strip().splitlines() or [f"exit code {completed.returncode}"]
            return Result.failed(lines[-1], version)
        checks: dict[str, Any] = json.loads(results.read_text("utf-8"))
    return Result(version, today(), {name: checks[name] for name in CHECKS})


def today() -> str:
    """The date of a result."""
    return datetime.now(UTC).date().isoformat()
