"""Whole runs of the suite: it finds every fault, and accepts every legal variation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import BREAKS, FAULTY
from harness.options import DEFAULT_BUDGET
from harness.settings import embedded_keys
from mutants.variant_server import running
from suite_runs import WRITTEN_BY_HAND, failed, run, run_report
from testkit.mock_process import MockProcess
from variations import LIBERAL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with MockProcess("--no-access-log", *embedded_keys(0)) as server:
        yield server.url


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with running(FAULTY) as url:
        return run_report(url, tmp_path_factory.mktemp("faulty") / "report.json", WRITTEN_BY_HAND)


def test_all_legal_variations_at_once_fail_no_rule(tmp_path: Path) -> None:
    with running(LIBERAL) as url:
        actual = run_report(url, tmp_path / "report.json")
    assert failed(actual) == {}
    assert actual["exit"] == 0


@pytest.mark.parametrize("rule", BREAKS)
def test_fault_fails_its_rule(faulty: dict[str, Any], rule: str) -> None:
    assert faulty["rules"][rule]["outcome"] == "failed", faulty["rules"][rule]


@pytest.mark.parametrize("rule", ["stream.id", "request.top_p.maximum", "header.version", "idempotency.conflict"])
def test_rule_without_a_fault_passes(faulty: dict[str, Any], rule: str) -> None:
    assert faulty["rules"][rule]["outcome"] == "passed", faulty["rules"][rule]


def test_faulty_server_fails_the_run(faulty: dict[str, Any]) -> None:
    assert faulty["exit"] == 1


def test_failure_message_has_request_response_page_and_expectation(faulty: dict[str, Any]) -> None:
    actual = faulty["output"].partition("rule      receipt.total")[2]
    for part in (
        "says      ",
        "page      https://docs.aurous-labs.com/",
        "actual    total_tokens is",
        "$ curl -sS -X POST",
        "HTTP 200",
    ):
        assert part in actual


def test_failure_message_has_no_key_and_no_library_frames(faulty: dict[str, Any]) -> None:
    assert "al_live_0000" not in faulty["output"]
    assert "site-packages" not in faulty["output"]


def test_budget_is_overrun_by_one_call_at_most(upstream: str, tmp_path: Path) -> None:
    budget = ["--max-credits", "0.05", "-k", "completion or retrieval"]
    actual = run_report(upstream, tmp_path / "report.json", WRITTEN_BY_HAND, *budget)
    dearest = max(rule["credits"] for rule in actual["rules"].values())
    assert actual["credits"] <= 0.05 + dearest
    reasons = [rule["actual"] for rule in actual["rules"].values() if rule["outcome"] == "not_tested"]
    assert sum("budget" in reason for reason in reasons) > 10


def test_default_budget_covers_all_rules(upstream: str, tmp_path: Path) -> None:
    actual = run_report(upstream, tmp_path / "report.json", "--max-credits", str(DEFAULT_BUDGET))
    unpaid = [name for name, rule in actual["rules"].items() if "budget" in rule["actual"]]
    assert unpaid == []
    assert actual["credits"] < 0.9 * DEFAULT_BUDGET


def test_remote_server_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUROUS_API_KEY", raising=False)
    done = run("--base-url", "https://aurous.invalid")
    assert done.returncode != 0
    assert "--api-key or AUROUS_API_KEY" in done.stdout + done.stderr


def test_suite_does_not_collect_its_selftests() -> None:
    done = run("--collect-only", WRITTEN_BY_HAND)
    assert "conformance/rules/test_completion.py" in done.stdout
    assert "selftest" not in done.stdout


def test_rehearsal_prices_every_rule() -> None:
    done = run("--rehearse", "--rule", "completion.schema")
    assert "completion.schema" in done.stdout
    assert "credits at the documented day-one rates" in done.stdout
