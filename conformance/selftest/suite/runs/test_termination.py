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
        command = [sys.executable, "-m", "pytest", "conformance", "-q", "-p", "no:cacheprovider", "--no-preflight"]
        command += ["--base-url", server.url, "--rule", "models.*", "--report", str(report)]
        with handled(number):
            process = subprocess.Popen(  # noqa: S603
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        with process:
            assert second.wait(60)
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
        assert len(server.heads) == 2
    assert process.returncode == code
    assert "Traceback" not in output + errors
    assert json.loads(report.read_text())["rules"]


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
