"""The command line: what it prints, how it ends, and how it refuses bad arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "independent"]


def test_server_announces_itself_and_ends_on_sigterm() -> None:
    with subprocess.Popen([*COMMAND, "--port", "0"], cwd=HERE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.removeprefix("listening on ").strip()
        assert httpx.get(f"{url}/v1/models", trust_env=False).status_code == 401
        process.terminate()
        assert process.stdout.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--fault", "nonsense"], "--fault nonsense", marks=pytest.mark.slow),
        pytest.param(["--variation", "nonsense"], "--variation nonsense", marks=pytest.mark.slow),
        pytest.param(["--port", "70000"], "--port 70000", marks=pytest.mark.slow),
        (["--nonsense"], "--nonsense"),
        (["--api-key", "a", "--other-api-key", "a"], "must differ"),
    ],
)
def test_bad_argument_is_refused_in_one_line(arguments: list[str], message: str) -> None:
    command = [*COMMAND, *arguments]
    process = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)  # noqa: S603
    assert process.returncode == 2
    assert message in process.stderr
    assert len(process.stderr.splitlines()) == 1
    assert process.stdout == ""
