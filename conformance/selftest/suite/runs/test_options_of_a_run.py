"""The options that answer a question in seconds: one rule, the failed ones again, a list, a price, and why not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faults import FAULTY
from harness import options
from harness.plugin import NOTHING_TESTED
from harness.reports import dry_run, json_report, last_run
from harness.results import counted
from harness.settings import Profile
from mutants.variant_server import running
from suite_runs import ROOT, TIMEOUT, run

Done = subprocess.CompletedProcess[str]
# Seconds that are over before the first request, however fast the machine is.
NO_TIME = "1e-09"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs of this module remember what failed."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def faulty() -> Iterator[str]:
    """A server that breaks rules, among them one about the rows of models."""
    with running(FAULTY) as url:
        yield url


@pytest.fixture(scope="module")
def first(faulty: str, cache: Path) -> Done:
    """A run of a few rules, one of which fails, and one of which needs a key that is not given."""
    return run("--base-url", faulty, "--rule", "models.*", "--rule", "retrieval.other_team", cache=cache)


@pytest.mark.slow
def test_pattern_selects_rules(first: Done) -> None:
    assert first.returncode == 1
    assert "rule      models.row" in first.stdout
    assert "retrieval.other_team" in first.stdout
    assert "stream." not in first.stdout


@pytest.mark.slow
def test_failed_rules_run_again(first: Done, faulty: str, cache: Path) -> None:
    again = run("--base-url", faulty, "--lf", cache=cache)
    assert again.returncode == 1
    failed = re.findall(r"^rule {6}(\S+)$", first.stdout, re.MULTILINE)
    assert re.findall(r"^rule {6}(\S+)$", again.stdout, re.MULTILINE) == failed
    assert f"{counted(len(set(failed)), 'rule')}: 0 passed, {len(set(failed))} failed" in again.stdout


@pytest.mark.slow
def test_options_of_the_tests_are_not_those_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    assert run("--list-rules").returncode == 0


def test_budget_of_several_processes_is_refused() -> None:
    done = run("-n", "2", "--max-credits", "1", "--rule", "models.row")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "a budget cannot be kept by several processes" in done.stderr
    assert "credits spent" not in done.stdout


@pytest.mark.slow
def test_reason_is_shown_without_a_run(faulty: str, cache: Path) -> None:
    run("--base-url", faulty, "--rule", "models.row", "--rule", "retrieval.other_team", cache=cache)
    reasons = run("--why", cache=cache)
    assert reasons.returncode == 0
    assert "needs a key of a second team: --other-api-key" in reasons.stdout
    assert "retrieval.other_team" in reasons.stdout
    details = run("--why", "models.row", cache=cache).stdout
    assert "models.row: failed" in details
    assert "$ curl -sS http://127.0.0.1" in details
    assert "HTTP 200" in details
    assert "passed," not in details.partition("models.row: failed")[2]


@pytest.mark.slow
def test_reason_without_an_earlier_run_says_so(tmp_path: Path) -> None:
    done = run("--why", cache=tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert last_run.NO_RUN in done.stderr


RUN = {"format": json_report.FORMAT, "rules": {"models.row": {}}}


@pytest.mark.parametrize(
    ("results", "pattern", "problem"),
    [
        (RUN, "", None),
        (RUN, "models.*", None),
        (RUN, "models.rwo", "no rule of the last run is called 'models.rwo' (did you mean models.row?); --list-rules"),
        (RUN, "nosuch", "no rule of the last run is called 'nosuch'; --list-rules lists all"),
        (RUN, "stream.*", "the last run did not have 'stream.*'; `pytest conformance --rule 'stream.*'` tests it"),
        (None, "models.row", last_run.NO_RUN),
    ],
)
def test_reason_that_the_last_run_does_not_have_is_refused(
    results: dict[str, object] | None, pattern: str, problem: str | None
) -> None:
    assert (last_run.problem_of(results, pattern) or "").startswith(problem or "")
    assert (last_run.problem_of(results, pattern) is None) is (problem is None)


@pytest.mark.parametrize(
    "text", ["[]", "{", "null", '{"rules": {"a": {}}}', '{"format": 1, "rules": {"a": {}}}', "[" * 9999]
)
def test_results_that_another_version_has_left_are_none(text: str, tmp_path: Path) -> None:
    config: Any = SimpleNamespace(rootpath=tmp_path, getini=lambda name: ".")
    last_run.save(config, RUN)
    assert last_run.load(config) == RUN
    (tmp_path / last_run.FILE).write_text(text)
    assert last_run.load(config) is None


@pytest.mark.slow
def test_list_of_rules_has_id_level_page_and_sentence() -> None:
    done = run("--list-rules", "--rule", "models.*", "--base-url", "http://127.0.0.1:9")
    assert done.returncode == 0
    line, sentence = done.stdout[done.stdout.index("models.row") :].splitlines()[:2]
    assert line.split() == ["models.row", "required", "api-reference/models/list-chat-and-embedding-models"]
    assert sentence.strip().endswith(".")
    assert "stream." not in done.stdout.partition(". `--rule ID`")[0]


@pytest.mark.slow
def test_rule_that_does_not_exist_is_refused() -> None:
    done = run("--rule", "stream.dnoe")
    assert done.returncode == 4
    assert "--rule: no rule is called 'stream.dnoe'" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        # As of a variable of the environment that is not set.
        (["--base-url", ""], "--base-url is empty"),
        (["--record-costs"], "--record-costs needs --rehearse"),
        (["--rehearse", "--report", "report.html"], "leave out --report"),
        (["--api-key", "al_live_7"], "--api-key needs --base-url"),
        (["--other-api-key", "al_live_7"], "--other-api-key needs --base-url"),
    ],
)
def test_options_that_would_be_ignored_are_refused(arguments: list[str], problem: str) -> None:
    done = run("--rule", "models.chat_listed", *arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert problem in done.stderr


@pytest.mark.slow
def test_run_past_its_time_limit_says_what_was_left_out() -> None:
    done = run("--max-seconds", NO_TIME, "--rule", "models.*")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert NOTHING_TESTED in done.stdout
    assert f"time limit: the run's {NO_TIME} s were over; raise --max-seconds" in done.stdout
    assert "0 passed, 0 failed" in done.stdout


@pytest.mark.slow
def test_costs_that_cannot_be_recorded_leave_the_earlier_ones(tmp_path: Path) -> None:
    # The name that is written to before it replaces the table.
    (tmp_path / "costs.new").symlink_to(Path("/dev/full") if Path("/dev/full").exists() else tmp_path / "gone" / "x")
    table = tmp_path / "costs.json"
    table.write_text("{}")
    program = (
        "import pathlib, sys, pytest; sys.path.insert(0, 'conformance'); from harness.reports import dry_run\n"
        "dry_run.TABLE = pathlib.Path(sys.argv[1]); sys.exit(pytest.main(sys.argv[2:]))"
    )
    arguments = [
        "conformance",
        "-p",
        "no:cacheprovider",
        "--rehearse",
        "--record-costs",
        "--rule",
        "models.chat_listed",
    ]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program, str(table), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert "--record-costs: nothing was recorded: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert table.read_text() == "{}"


@pytest.mark.slow
def test_what_a_run_has_seen_is_judged_even_past_its_time_limit() -> None:
    done = run("--max-seconds", NO_TIME, "--rule", "limits.every_429", "--rule", "header.version", "-rs")
    assert "no request of this run was throttled" in done.stdout
    assert "no response of this run could show it" in done.stdout


@pytest.mark.slow
def test_server_that_is_none_ends_the_run_with_exit_code_2() -> None:
    done = run("--base-url", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_report_that_cannot_be_written_ends_the_run_with_an_exit_code_and_without_a_traceback(tmp_path: Path) -> None:
    full, written = tmp_path / "full.html", tmp_path / "written.json"
    full.symlink_to(Path("/dev/full") if Path("/dev/full").exists() else tmp_path / "gone" / "x")
    done = run("--rule", "models.chat_listed", "--report", str(full), "--report", str(written))
    assert done.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert f"--report: {full} could not be written: " in done.stdout
    assert "1 rule: 1 passed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads(written.read_text())["counts"]["passed"] == 1


def test_report_that_cannot_be_written_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.symlink_to(tmp_path / "gone" / "report.html")
    done = run("--rule", "models.chat_listed", "--report", str(report))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--report: {report} cannot be written: " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_report_that_can_be_written_is_left_as_it_is_until_the_run_ends(tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.html"
    earlier.write_text("kept")
    assert options.write_problem(earlier) is None
    assert options.write_problem(tmp_path / "new.html") is None
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("earlier.html", "kept")]


def test_rehearsal_of_a_rule_that_cannot_be_tested_says_so() -> None:
    done = run("--rehearse", "--max-seconds", NO_TIME, "--rule", "models.chat_listed")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert NOTHING_TESTED in done.stdout
    assert f"models.chat_listed: time limit: the run's {NO_TIME} s were over" in done.stdout


@pytest.mark.slow
def test_run_whose_results_cannot_be_kept_passes_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("--rule", "models.chat_listed", cache=tmp_path / "file" / "cache")
    assert done.returncode == 0
    assert "the results are not kept for --why: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_report_into_a_folder_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    done = run("--rule", "models.chat_listed", "--report", str(tmp_path / "report.html"))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "is a folder" in done.stderr


def test_price_of_a_run_is_shown_by_rule() -> None:
    lines = list(dry_run.lines(Profile.QUICK, ["models.*", "stream.done"]))
    assert any(line.split()[0] == "stream.done" for line in lines if line.strip())
    assert "credits at the documented day-one rates" in lines[-2]
    assert lines[-1].endswith("Nothing was sent.")


@pytest.mark.parametrize("profile", Profile)
def test_price_is_recorded_for_whole_runs(profile: Profile) -> None:
    costs = dry_run.recorded(profile)
    assert len(costs) > 300
    assert sum(requests for requests, _ in costs.values()) > 1000
    assert 1 < sum(credits for _, credits in costs.values()) < 100


def test_price_of_an_unknown_rule_says_so() -> None:
    assert "no rule of this name has been measured" in next(dry_run.lines(Profile.QUICK, ["stream.dnoe"]))


def test_price_of_a_profile_that_was_not_measured_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "recorded", lambda profile: {})
    assert list(dry_run.lines(Profile.THOROUGH, [])) == [
        "no run of the profile thorough has been measured; --rehearse measures it against the mock"
    ]


def test_untested_rules_are_grouped_by_reason() -> None:
    rule = {"outcome": "not_tested", "sentence": "It holds.", "actual": "needs a second team"}
    passed = {"outcome": "passed", "sentence": "It holds.", "actual": ""}
    results = {"server": "http://x", "started": "now", "score": "3 rules", "rules": {"a": rule, "b": rule, "c": passed}}
    lines = "\n".join(last_run.lines(json.loads(json.dumps(results)), ""))
    assert lines.count("needs a second team") == 1
    assert "  a " in lines
    assert "  b " in lines
    assert "  c " not in lines


def test_missing_extra_is_reported_in_one_line() -> None:
    hidden = "import sys; sys.modules['jsonschema_rs'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    plugins = ["-p", "no:schemathesis"]
    command = [sys.executable, "-c", hidden, *plugins, "conformance"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False)  # noqa: S603
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr == "jsonschema_rs is missing; run in the checkout: pip install '.[conformance]'\n"
