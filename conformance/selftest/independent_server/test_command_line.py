"""The command line: what it prints, how it ends, and how it refuses bad arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from independent.__main__ import main

SUITE = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "independent"]


def test_server_announces_itself_and_ends_on_sigterm() -> None:
    with subprocess.Popen([*COMMAND, "--port", "0"], cwd=SUITE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.removeprefix("listening on ").strip()
        assert httpx.get(f"{url}/v1/models", trust_env=False, verify=False).status_code == 401
        process.terminate()
        assert process.stdout.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "nonsense"], "--fault nonsense"),
        (["--variation", "nonsense"], "--variation nonsense"),
        (["--port", "70000"], "--port 70000"),
        (["--nonsense"], "--nonsense"),
        (["--api-key", "a", "--other-api-key", "a"], "must differ"),
    ],
)
def test_bad_argument_is_refused_in_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["independent", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    output, errors = capsys.readouterr()
    assert (ended.value.code, output) == (2, "")
    assert message in errors
    assert len(errors.splitlines()) == 1
