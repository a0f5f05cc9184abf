"""The suite itself, run as anybody would: it finds every fault, and takes no liberty for one."""

from __future__ import annotations

import functools
import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import BREAKS, FAULTY
from harness.client.embedded_server import EmbeddedServer
from harness.options import DEFAULT_BUDGET
from harness.settings import OTHER_EMBEDDED_KEY, embedded_keys
from tampering import proxying
from variations import LIBERTIES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


# Generating what is in there takes as long as all the rest.
WRITTEN_BY_HAND = "--ignore=conformance/rules/test_properties.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Rules breach and do not assert; rewriting assertions, of all that pytest loads, takes longer than many a run.
    command = [sys.executable, "-m", "pytest", "conformance", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    command += arguments
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603


def verdicts(url: str, report: Path, *arguments: str) -> dict[str, Any]:
    """The results of a run against a URL."""
    keys = ["--other-api-key", OTHER_EMBEDDED_KEY]
    done = run("--base-url", url, *keys, "--profile", "quick", "--report", str(report), *arguments)
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    found["exit"] = done.returncode
    found["output"] = done.stdout
    return found


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    server = EmbeddedServer(*embedded_keys(0))
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def faulty(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with proxying(upstream, FAULTY) as url:
        return verdicts(url, tmp_path_factory.mktemp("faulty") / "report.json", WRITTEN_BY_HAND)


def test_every_legal_variation_at_once_breaks_nothing(upstream: str, tmp_path: Path) -> None:
    with proxying(upstream, LIBERTIES) as url:
        found = verdicts(url, tmp_path / "report.json")
    assert broken(found) == {}
    assert found["exit"] == 0


@pytest.mark.parametrize("rule", BREAKS)
def test_a_fault_is_found_by_its_rule(faulty: dict[str, Any], rule: str) -> None:
    assert faulty["rules"][rule]["verdict"] == "broken", faulty["rules"][rule]


@pytest.mark.parametrize("rule", ["stream.id", "request.top_p.maximum", "header.version", "idempotency.conflict"])
def test_a_rule_without_a_fault_is_kept(faulty: dict[str, Any], rule: str) -> None:
    assert faulty["rules"][rule]["verdict"] == "kept", faulty["rules"][rule]


def test_a_faulty_server_fails_the_run(faulty: dict[str, Any]) -> None:
    assert faulty["exit"] == 1


def test_a_failure_shows_what_was_sent_what_came_and_what_the_page_says(faulty: dict[str, Any]) -> None:
    told = faulty["output"].partition("rule  receipt.total")[2]
    for part in (
        "says  ",
        "page  https://docs.aurous-labs.com/",
        "came  total_tokens is",
        "$ curl -sS -X POST",
        "HTTP 200",
    ):
        assert part in told


def test_a_failure_shows_no_key_and_no_library_frames(faulty: dict[str, Any]) -> None:
    assert "al_live_0000" not in faulty["output"]
    assert "site-packages" not in faulty["output"]


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What is said of a web server that has nothing to do with the API, and answers 404 to most."""
    folder = tmp_path_factory.mktemp("nothing")
    serve = functools.partial(SilentHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield verdicts(f"http://127.0.0.1:{web.server_port}", folder / "report.json")
        web.shutdown()


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing: the tests' own output is read."""


def test_a_server_of_something_else_keeps_no_rule(nothing: dict[str, Any]) -> None:
    assert [name for name, rule in nothing["rules"].items() if rule["verdict"] == "kept"] == []
    assert nothing["exit"] == 1


def test_what_is_piped_is_not_cut(nothing: dict[str, Any]) -> None:
    rule = nothing["rules"]["properties.listModels"]
    assert len(rule["came"]) > 80
    assert f"properties.listModels {' '.join(rule['came'].split())}\n" in re.sub(" +", " ", nothing["output"])


def test_a_budget_is_overrun_by_one_call_at_most(upstream: str, tmp_path: Path) -> None:
    budget = ["--max-credits", "0.05", "-k", "completion or retrieval"]
    found = verdicts(upstream, tmp_path / "report.json", WRITTEN_BY_HAND, *budget)
    dearest = max(rule["credits"] for rule in found["rules"].values())
    assert found["credits"] <= 0.05 + dearest
    reasons = [rule["came"] for rule in found["rules"].values() if rule["verdict"] == "unseen"]
    assert sum("budget" in reason for reason in reasons) > 10


def test_the_default_budget_proves_nearly_all(upstream: str, tmp_path: Path) -> None:
    found = verdicts(upstream, tmp_path / "report.json", "--max-credits", str(DEFAULT_BUDGET))
    unpaid = [name for name, rule in found["rules"].items() if "budget" in rule["came"]]
    assert len(unpaid) < 0.05 * len(found["rules"]), unpaid
    assert found["credits"] <= DEFAULT_BUDGET + max(rule["credits"] for rule in found["rules"].values())
    # What is bought first is not what costs most.
    assert {"properties.createChatCompletion", "request.reasoning_effort.value"} <= {*unpaid}


def test_a_remote_server_is_not_asked_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUROUS_API_KEY", raising=False)
    done = run("--base-url", "https://aurous.invalid")
    assert done.returncode != 0
    assert "--api-key or AUROUS_API_KEY" in done.stdout + done.stderr


def test_the_suite_does_not_run_its_own_tests() -> None:
    done = run("--collect-only", WRITTEN_BY_HAND)
    assert "conformance/rules/test_completion.py" in done.stdout
    assert "selftest" not in done.stdout


def test_a_dry_run_prices_every_rule() -> None:
    done = run("--dry-run", WRITTEN_BY_HAND, "-k", "test_completion")
    assert "completion.schema" in done.stdout
    assert "credits at the documented day-one rates" in done.stdout


def broken(found: dict[str, Any]) -> dict[str, str]:
    return {name: rule["came"] for name, rule in found["rules"].items() if rule["verdict"] == "broken"}
