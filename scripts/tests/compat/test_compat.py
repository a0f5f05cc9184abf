"""Runs of other people's clients: which there are, how a driver's results are read, and the page that is committed."""

from __future__ import annotations

import sys
from pathlib import Path

import compat
import pytest
from compatibility import runner, table
from compatibility.clients import CLIENTS, Client, select
from compatibility.environments import DRIVERS, InstallError
from compatibility.runner import CHECKS, Result
from testkit.mock_process import MockProcess


def test_every_client_has_a_driver_and_every_driver_a_client() -> None:
    drivers = {path.name for path in DRIVERS.iterdir() if path.suffix in (".py", ".mjs")} - {
        "driver_kit.py",
        "person.py",
        "tiny_model.py",
    }
    assert {client.driver for client in CLIENTS.values()} == drivers


def test_clients_are_selected_by_name_in_any_case() -> None:
    assert [client.name for client in select(["langchain", "OpenAI"])] == ["LangChain", "OpenAI"]
    assert select([]) == [*CLIENTS.values()]
    with pytest.raises(LookupError, match="no client is called 'nobody'"):
        select(["nobody"])


@pytest.mark.slow
def test_driver_of_the_installed_sdk_passes_all_checks() -> None:
    with MockProcess("--no-access-log") as mock:
        result = runner.run_driver([sys.executable, str(DRIVERS / "openai_sdk.py")], "1.0", mock.url)
    assert result.failures == []
    assert {name: each["result"] for name, each in result.checks.items()} == dict.fromkeys(CHECKS, "passed")


PROGRAM = """
import sys
sys.path.insert(0, {drivers!r})
from driver_kit import NotApplicable, main, require_error, require_text

def call(): require_text("text")
def stream(): raise NotApplicable("it has no streams")
def tools(): raise ValueError("no tool was called")
def structured(): require_text("")
def errors(): require_error(lambda: "an answer")

main(globals())
"""


def test_results_of_a_driver_are_passed_failed_or_not_applicable_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(PROGRAM.format(drivers=str(DRIVERS)))
    result = runner.run_driver([sys.executable, str(tmp_path / "driver.py")], "1.0", "http://127.0.0.1:9")
    assert [result.checks[name]["result"] for name in CHECKS] == ["passed", "not applicable", *["failed"] * 3]
    assert result.checks["stream"]["reason"] == "it has no streams"
    assert result.failures == [
        "tools: ValueError: no tool was called",
        "structured: AssertionError: the answer is empty",
        "errors: AssertionError: no error was raised; the result is 'an answer'",
    ]


def test_client_that_cannot_be_loaded_has_failed_with_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text("import no_such_module_at_all")
    result = runner.run_driver([sys.executable, str(tmp_path / "driver.py")], "1.0", "http://127.0.0.1:9")
    assert all("No module named 'no_such_module_at_all'" in failure for failure in result.failures)
    assert len(result.failures) == len(CHECKS)


def test_client_that_cannot_be_installed_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(client: Client) -> None:
        raise InstallError("there is no such package")

    monkeypatch.setattr(runner, "installed", refuse)
    result = runner.run(CLIENTS["OpenAI"])
    assert set(result.failures) == {f"{name}: not installed: there is no such package" for name in CHECKS}


def test_command_records_and_goes_on_with_the_missing_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passed = Result("1.0", "2026-01-02", {name: {"result": "passed", "reason": ""} for name in CHECKS})
    ran = []

    def run(client: Client) -> Result:
        ran.append(client.name)
        return Result.failed("it broke") if client.name == "LangChain" else passed

    monkeypatch.setattr(compat, "enter", lambda: None)
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(table, "RECORD", tmp_path / "record.json")
    monkeypatch.setattr(table, "PAGE", tmp_path / "page.md")
    assert compat.main(["--only", "OpenAI", "--record"]) == 0
    assert compat.main(["--only", "OpenAI", "LangChain", "--missing", "--record"]) == 1
    assert ran == ["OpenAI", "LangChain"]
    page = (tmp_path / "page.md").read_text("utf-8")
    assert "| OpenAI (PyPI openai) | 1.0 | yes | yes | yes | yes | yes | 2026-01-02 |" in page
    assert "- LangChain, tools: it broke" in page
    assert "failed: call: it broke" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        compat.main(["--only", "nobody"])
    assert ended.value.code == 2


def test_committed_page_is_what_the_record_gives_for_at_least_twenty_clients() -> None:
    results = table.read()
    assert table.PAGE.read_text("utf-8") == table.render(results, table.read_engines())
    assert results.keys() == CLIENTS.keys()
    assert len(results) >= 20
    assert {name: result.failures for name, result in results.items() if result.failures} == {}
