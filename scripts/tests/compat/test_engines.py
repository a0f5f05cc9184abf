"""Engines behind the gateway: how they are started, checked and killed, and what is recorded of them."""

from __future__ import annotations

import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path

import compat
import pytest
from compatibility import engine_runner, table
from compatibility.engines import ENGINES, Engine, Launch, Service, select
from compatibility.gateway_checks import CHECKS
from compatibility.runner import NOT_APPLICABLE, PASSED, Result
from testkit.sockets import free_port

_SOURCES = Path(__file__).resolve().parents[3] / "conformance"
PROGRAM = f"import sys; sys.path.insert(0, {str(_SOURCES)!r}); from aurous_mock.__main__ import main; main()"


def launch(options: tuple[str, ...], _programs: Path, _folder: Path, *, preparation: tuple[str, ...] = ()) -> Launch:
    """Another mock server in place of an engine."""
    port = free_port()
    command = (sys.executable, "-c", PROGRAM, "--port", str(port), *options)
    key = "al_live_" + "0" * 64
    return Launch((Service(command, port, "/healthz"),), "aurous-grow-2.0-pro", preparation, key)


def check(
    *options: str, preparation: tuple[str, ...] = (), folder: Path, checks: Collection[str] = CHECKS.keys()
) -> Result:
    engine = Engine("mock", "aurous-labs", (), partial(launch, options, preparation=preparation), "in a test")
    return engine_runner.check(engine, "1.0", folder, folder, checks)


# These need streams that last.
ENDINGS = ("cancel", "killed", "charge")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("checks", "options"),
    [([name for name in CHECKS if name not in ENDINGS[:2]], ()), (ENDINGS, ("--tokens-per-second", "20"))],
    ids=["answers", "endings"],
)
def test_mock_server_in_place_of_an_engine_passes(checks: list[str], options: tuple[str, ...], tmp_path: Path) -> None:
    result = check(*options, folder=tmp_path, checks=checks)
    assert result.failures == []
    assert {name: each["result"] for name, each in result.checks.items()} == dict.fromkeys(checks, PASSED)


def test_engine_that_does_not_start_has_failed_with_its_last_line(tmp_path: Path) -> None:
    result = check("--no-such-flag", folder=tmp_path)
    assert len(result.failures) == len(CHECKS)
    assert all("unrecognized arguments: --no-such-flag" in failure for failure in result.failures)


def test_engine_that_cannot_be_prepared_has_failed(tmp_path: Path) -> None:
    result = check(preparation=(sys.executable, "-c", "raise SystemExit('no torch')"), folder=tmp_path)
    assert set(result.failures) == {f"{name}: not prepared: no torch" for name in CHECKS}


def test_engines_are_selected_by_name_in_any_case() -> None:
    assert [engine.name for engine in select(["LLMOCK"])] == ["llmock"]
    assert select([]) == [*ENGINES.values()]
    with pytest.raises(LookupError, match="no engine is called 'nobody'"):
        select(["nobody"])


def test_engines_are_recorded_beside_the_clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checks = {name: {"result": PASSED, "reason": ""} for name in CHECKS}
    checks |= {
        "stop": {"result": PASSED, "reason": "the engine ignores stop"},
        "tools": {"result": NOT_APPLICABLE, "reason": "it has none"},
    }
    monkeypatch.setattr(compat, "enter", lambda: None)
    monkeypatch.setattr(engine_runner, "run", lambda engine, environments: Result("1.0", "2026-01-02", checks))
    monkeypatch.setattr(table, "ENGINE_RECORD", tmp_path / "record.json")
    monkeypatch.setattr(table, "PAGE", tmp_path / "page.md")
    assert compat.main(["--engines", "--only", "llmock", "--record"]) == 0
    page = (tmp_path / "page.md").read_text("utf-8")
    assert (
        "| llmock, alone | 1.0 | yes | yes | yes | n/a | yes | yes | yes | yes | yes | yes | yes | 2026-01-02 |" in page
    )
    assert {"- llmock, stop: the engine ignores stop", "- llmock, tools: it has none"} <= set(page.splitlines())
    assert "| OpenAI (PyPI openai) |" in page


@pytest.mark.parametrize("arguments", [["--engines", "--only", "nobody"], ["--environments", "here"]])
def test_mistake_in_the_arguments_ends_with_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        compat.main(arguments)
    assert ended.value.code == 2


def test_committed_page_has_every_engine_without_a_failure() -> None:
    results = table.read_engines()
    assert results.keys() == ENGINES.keys()
    assert {name: result.failures for name, result in results.items() if result.failures} == {}
