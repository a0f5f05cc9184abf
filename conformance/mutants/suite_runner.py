"""Runs the conformance suite against one server after another and reads its verdicts; draws no conclusion from them.

The suite runs as anybody runs it: pytest, over HTTP, with a report. Only what comes before the first test is shared,
because importing and collecting take longer than most runs: one process collects, and forks for each server.
"""

import json
import multiprocessing
import os
import select
import signal
import socket
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

from mutants.variant_server import KEY, OTHER_KEY

SUITE = Path(__file__).parents[1]
ROOT = SUITE.parent
# Longer than any run, even one that waits for a server that hangs.
PATIENCE = 300
LAST = "test_afterwards"
_IMPORTED = ["pytest", "schemathesis", "schemathesis.pytest", "hypothesis", "httpx", "mutants.catalogue", __name__]


@dataclass(frozen=True)
class Trial:
    """What the suite said of one server: the ids of the rules it found broken, and the tests that found them."""

    finished: bool
    seconds: float
    broken: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    came: tuple[str, ...] = ()
    output: str = ""


@dataclass(frozen=True)
class Job:
    """One run. Tests whose ids contain one of the words in `first` come first, in the order of the words; a run that is
    not `exhaustive` ends at the first broken rule."""

    url: str
    report: str
    exhaustive: bool
    first: tuple[str, ...]


class Suite:
    """The suite, or some files of its rules, collected and ready to test servers, one at a time."""

    def __init__(self, profile: str = "quick", files: Sequence[str] = ("conformance",)) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._report = Path(self._folder.name, "report.json")
        self._log = Path(self._folder.name, "output.txt")
        self._ours, theirs = forking().Pipe()
        arguments = (theirs, str(self._log), str(self._report), profile, files)
        self._process = forking().Process(target=_stand_by, args=arguments)
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Suite":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ours.close()
        self._process.join(PATIENCE)
        self._folder.cleanup()

    def test(self, url: str, *, exhaustive: bool, first: Sequence[str] = ()) -> Trial:
        """Test the server at `url`."""
        begun = time.monotonic()
        self._report.unlink(missing_ok=True)
        printed = len(self._said())
        try:
            self._ours.send(Job(url, str(self._report), exhaustive, tuple(first)))
            self._ours.recv()
        except (EOFError, ConnectionError):
            self._process.join(PATIENCE)
            raise RuntimeError(f"the suite ended before its time:\n{self._said()}") from None
        output = self._said()[printed:]
        if not self._report.exists():
            return Trial(False, time.monotonic() - begun, output=output)
        return _read(json.loads(self._report.read_text()), time.monotonic() - begun, output)

    def _said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def forking() -> ForkServerContext:
    """Starts processes that have everything imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def divert(log: str) -> None:
    """Write what this process prints into a file."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(target, stream)


class Brood:
    """A pytest plugin that stops before the first test, and goes on in a child for each job."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.hatched = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool | None:
        while not self.hatched:
            try:
                job: Job = self._pipe.recv()
            except EOFError:
                return True
            child = os.fork()
            self.hatched = child == 0
            if not self.hatched:
                self._pipe.send(_wait(child))
                continue
            options = session.config.option
            options.base_url, options.report = job.url, [job.report]
            options.maxfail = 0 if job.exhaustive else 1
            session.items.sort(key=lambda item: _turn(item.nodeid, job.first))
        return None


def _turn(test: str, first: Sequence[str]) -> int:
    # What looks back has nothing to look at before the others ran.
    if LAST in test:
        return len(first) + 1
    return next((turn for turn, word in enumerate(first) if word in test), len(first))


def _stand_by(pipe: Connection, log: str, report: str, profile: str, files: Sequence[str]) -> None:
    os.chdir(ROOT)
    divert(log)
    # The suite knocks before it collects. This door opens, and nobody is behind it: jobs bring the real addresses.
    door = socket.create_server(("127.0.0.1", 0))
    host, port = door.getsockname()
    arguments = [
        *(*files, "--base-url", f"http://{host}:{port}", "--api-key", KEY, "--other-api-key", OTHER_KEY),
        *("--profile", profile, "--report", report, "-p", "no:cacheprovider", "--tb=short", "-q"),
        # The client's own pytest plugin, which is none of the suite's business.
        *("-p", "no:aurous"),
        # Rules breach and do not assert; rewriting assertions, of all that pytest loads, takes longer than many a run.
        "--assert=plain",
    ]
    brood = Brood(pipe)
    pytest.main(arguments, plugins=[brood])
    if brood.hatched:
        # Past the interpreter's own end, which would wait for what the parent shares with this child.
        os._exit(0)


def _wait(child: int) -> int:
    """The exit status of a child, which is killed when it takes too long."""
    with os.fdopen(os.pidfd_open(child)) as ending:
        if not select.select([ending], [], [], PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _read(report: dict[str, Any], seconds: float, output: str) -> Trial:
    broken = {name: rule for name, rule in report["rules"].items() if rule["verdict"] == "broken"}
    tests = [
        finding["test"] for rule in broken.values() for finding in rule["findings"] if finding["verdict"] == "broken"
    ]
    came = tuple(str(rule["came"]).partition("\n")[0] for rule in broken.values())
    return Trial(True, seconds, tuple(broken), tuple(tests), came, output)
