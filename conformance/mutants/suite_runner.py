"""Runs the conformance suite on one server after another and reads its results.

The suite runs as anybody runs it: pytest, over HTTP, with a report. Only what comes before the first test is shared,
because importing and collecting take longer than most runs: one process collects, and forks for each server.
"""

import json
import multiprocessing
import os
import select
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from harness.rules import rule_of

from mutants.variant_server import KEY, OTHER_KEY

SUITE = Path(__file__).parents[1]
ROOT = SUITE.parent
# Longer than any run, even one that waits for a server that hangs, on a busy machine.
TIMEOUT = 900
LAST = "test_every_response"
_IMPORTED = ["pytest", "schemathesis", "schemathesis.pytest", "hypothesis", "httpx", "mutants.catalogue", __name__]


@dataclass(frozen=True)
class SuiteRun:
    """The result of the suite on one server: the ids of the rules that failed, and the tests that failed them."""

    finished: bool
    seconds: float
    failed: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    actual: tuple[str, ...] = ()
    output: str = ""


@dataclass(frozen=True)
class Job:
    """One run. Tests of the rules in `first`, or whose ids contain it, come first, in that order, and then the tests of
    rules from `page`; a run that is not `exhaustive` ends at the first failed rule. One that is `related` ends there:
    of the other tests, only those that look at every response of the run follow."""

    url: str
    report: str
    exhaustive: bool
    first: tuple[str, ...]
    page: str
    related: bool


class Suite:
    """The suite, or some files of its rules, collected and ready to test servers, one at a time."""

    def __init__(self, profile: str = "quick", files: Sequence[str] = ("conformance",)) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._report = Path(self._folder.name, "report.json")
        self._log = Path(self._folder.name, "output.txt")
        self._ours, theirs = forkserver_context().Pipe()
        arguments = (theirs, str(self._log), str(self._report), profile, files)
        self._process = forkserver_context().Process(target=_serve_jobs, args=arguments)
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Suite":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.close()
        self._process.join(TIMEOUT)
        self._folder.cleanup()

    def test(
        self, url: str, *, exhaustive: bool, first: Sequence[str] = (), page: str = "", related: bool = False
    ) -> SuiteRun:
        """Test the server at `url`."""
        begun = time.monotonic()
        self._report.unlink(missing_ok=True)
        printed = len(self._log_text())
        try:
            self._ours.send(Job(url, str(self._report), exhaustive, tuple(first), page, related))
            self._ours.recv()
        except (EOFError, ConnectionError):
            self._process.join(TIMEOUT)
            raise RuntimeError(f"the suite ended unexpectedly:\n{self._log_text()}") from None
        output = self._log_text()[printed:]
        if not self._report.exists():
            return SuiteRun(False, time.monotonic() - begun, output=output)
        return _read(json.loads(self._report.read_text()), time.monotonic() - begun, output)

    def _log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def forkserver_context() -> ForkServerContext:
    """Starts processes that have everything imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def redirect_output(log: str) -> None:
    """Write what this process prints into a file."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(target, stream)


class ForkingPlugin:
    """A pytest plugin that stops before the first test, and goes on in a child for each job."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.is_child = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool | None:
        while not self.is_child:
            try:
                job: Job = self._pipe.recv()
            except EOFError:
                return True
            child = os.fork()
            self.is_child = child == 0
            if not self.is_child:
                self._pipe.send(_wait(child))
                continue
            options = session.config.option
            options.base_url, options.report = job.url, [job.report]
            options.maxfail = 0 if job.exhaustive else 1
            session.items.sort(key=lambda item: _order(item, job))
            if job.related:
                session.items[:] = [item for item in session.items if _order(item, job) != len(job.first) + 1]
        return None


def _order(item: pytest.Item, job: Job) -> int:
    # The rules on every response of the run have nothing to check before the others ran.
    if LAST in item.nodeid:
        return len(job.first) + 2
    rule = rule_of(item)
    for turn, name in enumerate(job.first):
        if name in item.nodeid or (rule is not None and rule.id == name):
            return turn
    return len(job.first) + (rule is None or rule.page != job.page)


def _serve_jobs(pipe: Connection, log: str, report: str, profile: str, files: Sequence[str]) -> None:
    os.chdir(ROOT)
    redirect_output(log)
    # Never connected to: jobs bring the real addresses.
    arguments = [
        *(*files, "--base-url", "http://127.0.0.1:9", "--no-preflight", "--api-key", KEY, "--other-api-key", OTHER_KEY),
        # However long it takes, no rule is left out.
        *("--max-seconds", "0", "--profile", profile, "--report", report, "-p", "no:cacheprovider", "--tb=short", "-q"),
        # The client's own pytest plugin, which the suite does not use.
        *("-p", "no:aurous"),
        # Rules do not assert; rewriting the assertions of all that pytest loads takes longer than many a run.
        "--assert=plain",
    ]
    plugin = ForkingPlugin(pipe)
    pytest.main(arguments, plugins=[plugin])
    if plugin.is_child:
        # Past the interpreter's own end, which would wait for what the parent shares with this child.
        os._exit(0)


def _wait(child: int) -> int:
    """The exit status of a child, which is killed when it takes too long."""
    with os.fdopen(os.pidfd_open(child)) as ending:
        if not select.select([ending], [], [], TIMEOUT)[0]:
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _read(report: dict[str, Any], seconds: float, output: str) -> SuiteRun:
    failed = {name: rule for name, rule in report["rules"].items() if rule["outcome"] == "failed"}
    tests = [check["test"] for rule in failed.values() for check in rule["checks"] if check["outcome"] == "failed"]
    actual = tuple(str(rule["actual"]).partition("\n")[0] for rule in failed.values())
    return SuiteRun(True, seconds, tuple(failed), tuple(tests), actual, output)
