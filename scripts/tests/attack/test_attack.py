"""The quick attacks fail on server and client, and the command reports those that succeed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import attack
import pytest
from attacks import record, registry, runner
from attacks.registry import Attack, Observations
from attacks.target_server import running_server
from marked_section import END
from resilience.report import RunReport

QUICK = [name for name, each in registry.all_attacks().items() if not each.slow]


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_quick_attack_fails(name: str) -> None:
    report = runner.run(registry.all_attacks()[name])
    assert report.checks
    assert all(check.passed or check.is_timing for check in report.checks), report.as_text()


def test_run_of_the_suite_ends_with_its_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Run(subprocess.Popen[str]):
        """A run that goes on for longer than an attack may take, and whose attack is ended."""

        def __init__(self, command: object, **options: Any) -> None:
            super().__init__([sys.executable, "-c", "import time; time.sleep(60)"], **options)
            started.append(self)

        def communicate(self, *_: Any, timeout: float | None = None) -> Any:
            if timeout is None:
                raise SystemExit(1)
            return super().communicate(timeout=timeout)

    monkeypatch.setattr(subprocess, "Popen", Run)
    with pytest.raises(SystemExit):
        registry.all_attacks()["terminal-escapes"].run(Observations())
    assert [process.returncode for process in started] == [-signal.SIGTERM]


def succeed(observed: Observations) -> None:
    observed.figures["requests"] = 7
    observed.check("the server withstands", passed=False, detail="it did not")


def test_attack_list_has_every_attack_and_its_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert attack.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(registry.all_attacks())
    assert {line.split()[1] for line in lines} == {"server", "client", "suite"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--only", "everything"], "'everything' is not one of pipelining, "),
        (["--json", "no/such/folder/x.json"], "there is no folder"),
        (["--unknown"], "unrecognized arguments"),
    ],
)
def test_attack_usage_error_exits_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        attack.main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_successful_attack_exits_1_and_is_written_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = Attack("planted", "server", "Always succeeds.", succeed)
    monkeypatch.setattr(registry, "select", lambda names: [planted])
    monkeypatch.setattr(runner, "run", lambda each: each.report())
    assert attack.main(["--json", str(tmp_path / "report.json")]) == 1
    assert "FAILED  the server withstands: it did not" in capsys.readouterr().out
    [document] = json.loads((tmp_path / "report.json").read_bytes())
    assert document["passed"] is False
    assert document["figures"] == {"requests": 7}


def only_check(report: RunReport) -> str:
    [check] = report.checks
    assert not check.passed
    return check.detail


def test_attack_that_crashes_is_reported_as_failed() -> None:
    assert "KeyError" in only_check(runner.run(Attack("no-such-attack", "server", "Crashes.", succeed)))


def test_attack_that_hangs_is_reported_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "COMMAND", (sys.executable, "-c", "import time; time.sleep(100)"))
    assert (
        only_check(runner.run(Attack("hangs", "server", "Hangs.", succeed), timeout=0.1)) == "not finished within 0.1 s"
    )


def test_target_server_reports_wait_and_memory() -> None:
    with running_server() as server:
        assert server.request("GET", "/v1/balance", key=None)[0] == 401
        assert 0 < server.longest_wait(lambda: None) < 30
        assert server.memory.growth() >= 0
        assert server.memory.current() > 10
        assert server.is_running
        assert server.log is not None
    assert not server.is_running


def test_record_writes_rows_of_the_attacks_that_ran_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "SECURITY.md"
    recorded, removed = (
        "| `kept`: Was recorded. | server | a: 1 | 1 of 1 pass |",
        "| `gone`: Exists no more. | server | | |",
    )
    old = "| `planted`: Old. | server | requests: 1 | 1 of 1 pass |"
    document.write_text(f"before\n{record.SECTION.begin}{removed}\n{old}\n{recorded}\n{END}after\n")
    monkeypatch.setattr(record, "DOCUMENT", document)
    planted = Attack("planted", "server", "Always | succeeds.", succeed)
    monkeypatch.setattr(registry, "all_attacks", lambda: {"kept": planted, "planted": planted})
    monkeypatch.setattr(runner, "run", lambda each: each.report())
    assert attack.main(["--record", "--only", "planted"]) == 1
    lines = document.read_text().splitlines()
    assert lines[4:-2] == [recorded, "| `planted`: Always \\| succeeds. | server | requests: 7 | 0 of 1 pass |"]
    assert (lines[0], lines[-1]) == ("before", "after")


def test_record_that_cannot_be_written_is_refused_before_any_attack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "SECURITY.md"
    document.write_text("no marks\n")
    monkeypatch.setattr(record, "DOCUMENT", document)
    monkeypatch.setattr(runner, "run", lambda _: pytest.fail("it was attacked"))
    with pytest.raises(SystemExit):
        attack.main(["--record"])
    assert "SECURITY.md: there is no single" in capsys.readouterr().err
