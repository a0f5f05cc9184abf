"""A run that is asked to terminate ends with its reports, an exit code that says so, and no traceback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from answering_server import AnsweringServer, answering, response
from harness.termination import Termination
from suite_runs import ROOT

MODELS = json.dumps({"object": "list", "data": []}).encode()
NO_KEY = json.dumps(
    {
        "error": {
            "type": "authentication",
            "code": "missing_api_key",
            "message": "There is no key.",
            "doc_url": "https://docs.aurous-labs.com/errors",
            "request_id": "req_1",
        }
    }
).encode()


@contextmanager
def handled(number: signal.Signals) -> Iterator[None]:
    """A process that is started in the block does not ignore the signal, as it would under nohup."""
    previous = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, previous)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 2)])
def test_run_that_gets_a_signal_reports_what_it_tested_and_sends_nothing_more(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    second = threading.Event()
    report = tmp_path / "report.json"

    def answer(server: AnsweringServer, head: str) -> Iterable[bytes]:
        if len(server.heads) == 1:
            return [response(200, MODELS)]
        second.set()
        server.closing.wait()
        return []

    with answering(answer) as server:
        process, output = interrupted_run(server, number, second, report, "--rule", "models.*")
        assert len(server.heads) == 2
    assert process.returncode == code
    assert "Traceback" not in output
    assert json.loads(report.read_text())["rules"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 2)])
def test_signal_after_the_last_test_leaves_the_reports(number: signal.Signals, code: int, tmp_path: Path) -> None:
    asked = threading.Event()
    report = tmp_path / "report.json"

    def answer(server: AnsweringServer, head: str) -> Iterable[bytes]:
        if "x-api-key" not in head.lower():
            return [response(401, NO_KEY, Aurous_Request_Id="req_1", Aurous_Version="2026-05-15")]
        # All requests of the rule were refused, as they must be: one that has to succeed is sent at the end.
        asked.set()
        server.closing.wait()
        return []

    with answering(answer) as server:
        rule = ["--rule", "authentication.missing_key", "-k", "listModels"]
        process, output = interrupted_run(server, number, asked, report, *rule)
    assert process.returncode == code
    assert "Traceback" not in output
    checked = json.loads(report.read_text())["rules"]["authentication.missing_key"]
    assert checked["outcome"] == "not_tested"
    assert "interrupted before a request for listModels succeeded" in checked["actual"]


def interrupted_run(
    server: AnsweringServer, number: signal.Signals, moment: threading.Event, report: Path, *arguments: str
) -> tuple[subprocess.Popen[str], str]:
    """A run that gets a signal at a moment, with all that it printed."""
    command = [sys.executable, "-m", "pytest", "conformance", "-q", "-p", "no:cacheprovider", "--no-preflight"]
    command += ["--base-url", server.url, "--report", str(report), *arguments]
    with handled(number):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        assert moment.wait(60)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    return process, output + errors


@pytest.mark.parametrize(
    ("number", "default", "code"),
    [(signal.SIGTERM, signal.SIG_DFL, 143), (signal.SIGINT, signal.default_int_handler, None)],
)
def test_further_signals_do_not_disturb_the_clearing_up(number: signal.Signals, default: Any, code: int | None) -> None:
    previous = signal.signal(number, default)
    termination = Termination()
    termination.install()
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)
        termination.remove()
        assert signal.getsignal(number) is default
    finally:
        termination.remove()
        signal.signal(number, previous)
    assert termination.exit_code == code


def test_signal_that_is_ignored_stays_so() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    termination = Termination()
    try:
        termination.install()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        termination.remove()
        signal.signal(signal.SIGHUP, previous)
