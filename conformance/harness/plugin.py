"""Owns the wiring between pytest and a run: when the server starts, how findings travel, what is told at the end."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness import contract, options, outcomes
from harness.client.api_client import Recorder, Server
from harness.client.charges import charge
from harness.client.embedded_server import EmbeddedServer, NotStartedError
from harness.client.spend_limit import Purse
from harness.reports import dry_run, html_report, json_report, terminal
from harness.results import Finding, Outcome, Verdicts
from harness.rules import Rule, claimed_by
from harness.settings import CHOSEN, Profile, Settings, embedded_keys, worker_key

SUITE = Path(__file__).resolve().parents[1]
SELFTEST = SUITE / "selftest"
RULES = SUITE / "rules"
# What sends hundreds of requests comes late, so that a budget is first spent on sentences; then what looks back.
LATE = ["test_machine", "test_properties", "test_afterwards"]
DEAR = -1


class Run:
    """One run of the suite in one process: the controller of a distributed run, a worker of it, or all in one."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        if wants_rules(config) and not hasattr(config, "workerinput"):
            options.check(config)
        options.choose_version(config)
        CHOSEN.profile, CHOSEN.seed = Profile(config.getoption("profile")), options.seed(config)
        self.recorder = Recorder()
        self.verdicts = Verdicts()
        self.started = datetime.now(UTC)
        self._clock = time.monotonic()
        self._embedded: EmbeddedServer | None = None
        self._settings: Settings | None = None
        self._purse: Purse | None = None
        self._denied: dict[int, BaseException] = {}

    # ---------------------------------------------------------------- what the tests use

    @property
    def settings(self) -> Settings:
        """The settings; the first to ask starts the mock server, if there is no other."""
        if self._settings is None:
            self._settings = self._inherited() or self._decided()
        return self._settings

    @property
    def purse(self) -> Purse:
        if self._purse is None:
            self._purse = Purse(self.settings.max_credits)
        return self._purse

    def server(self) -> Server:
        return Server(self.settings, self.recorder, self.purse)

    def _inherited(self) -> Settings | None:
        handed: dict[str, Any] = getattr(self.config, "workerinput", {}).get("aurous", {})
        return Settings.unpacked(handed) if handed else None

    def _decided(self) -> Settings:
        url = options.base_url(self.config)
        if url is None:
            try:
                self._embedded = EmbeddedServer(*embedded_keys(self._workers))
            except NotStartedError as error:
                pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)
        return options.settings(self.config, url or self._embedded_url, embedded=url is None)

    @property
    def _workers(self) -> int:
        processes = self.config.getoption("numprocesses", None)
        return processes if isinstance(processes, int) else 0

    @property
    def _embedded_url(self) -> str:
        assert self._embedded is not None
        return self._embedded.url

    # ---------------------------------------------------------------- pytest's hooks

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand a worker of pytest-xdist the settings, so that one server serves all."""
        if not wants_rules(self.config):
            return
        if self.settings.metered:
            raise pytest.UsageError("a budget cannot be kept by several processes: run without -n against this server")
        settings = self.settings
        if settings.embedded:
            # A team of its own for every worker: nobody else moves its balance.
            settings = replace(settings, api_key=worker_key(int(node.workerinput["workerid"].removeprefix("gw"))))
        node.workerinput["aurous"] = settings.packed()

    def pytest_report_header(self) -> list[str]:
        if not wants_rules(self.config):
            return []
        server = options.base_url(self.config) or "the embedded mock"
        profile, seed = self.config.getoption("profile"), options.seed(self.config)
        return [f"aurous: {server}, contract {contract.version()}, profile {profile}, --seed {seed}"]

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """The suite's tests of itself are collected only when asked for by name."""
        if collection_path == SELFTEST and not names_selftest(config):
            return True
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=_turn)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.recorder.begin()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        rule = claimed_by(item)
        style = self.config.option.tbstyle
        if rule is not None:
            # The briefest there is: what is told of a rule replaces it, and the others take long to make.
            self.config.option.tbstyle = "native"
        try:
            report = yield
        finally:
            self.config.option.tbstyle = style
        # What comes before and after a test is heard only if something was wrong with it.
        ended = call.when == "call" or call.excinfo is not None
        if rule is not None and ended:
            self._find(report, rule, item, call)
        return report

    def _find(self, report: pytest.TestReport, rule: Rule, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        error = call.excinfo.value if call.excinfo else None
        # What many rules need is made once. The rule that asks for it first is broken if the server denies it; for the
        # others there is nothing to try.
        needless = error is not None and call.when == "setup" and id(error) in self._denied
        if error is not None and call.when == "setup":
            self._denied[id(error)] = error
        outcome, came, exchanges = outcomes.judge(error, rule.level, missing=needless)
        recorded = self.recorder.exchanges
        came = self.settings.redact(came)
        shown = outcomes.shown(exchanges, recorded, self.settings.redact) if outcome is not Outcome.KEPT else ()
        finding = Finding(
            rule, item.nodeid, outcome, came, shown, len(recorded), sum(map(charge, recorded)), call.duration
        )
        vars(report)["finding"] = finding.packed()
        report.user_properties += [
            ("rule", rule.id), ("verdict", outcome.value), ("level", rule.level.value), ("page", rule.url)
        ]  # fmt: skip
        if outcome is Outcome.BROKEN:
            report.outcome, report.longrepr = "failed", outcomes.tell(finding)
        elif outcome is Outcome.UNSEEN:
            report.outcome, report.longrepr = "skipped", (str(item.path), item.reportinfo()[1] or 0, came)
        else:
            report.outcome, report.longrepr = "passed", None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        packed = getattr(report, "finding", None)
        if packed is not None:
            self.verdicts.add(Finding.unpacked(packed))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not len(self.verdicts):
            return
        write = terminalreporter.write_line
        if self.settings.dry_run:
            terminalreporter.section("what a run would send")
            for line in dry_run.lines(self.verdicts):
                write(line)
            return
        terminalreporter.section("verdicts")
        brief = self.config.get_verbosity() < 0
        # In a file or a pipe there is no edge to be cut at.
        width = terminalreporter._tw.fullwidth if terminalreporter.isatty() else None
        for line, markup in terminal.lines(self.verdicts, brief=brief, width=width):
            write(line, **markup)
        write("")
        if self.settings.max_credits is not None:
            write(f"{self.purse.spent:.4f} of {self.settings.max_credits:g} credits spent in {self.purse.calls} calls")
        line, markup = terminal.score(self.verdicts)
        write(line, **markup)

    def pytest_sessionfinish(self) -> None:
        if len(self.verdicts) and not hasattr(self.config, "workerinput"):
            self._report()

    def pytest_unconfigure(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()

    def _report(self) -> None:
        paths = [Path(path) for path in self.config.getoption("report") or ()]
        if not paths:
            return
        found = json_report.collect(
            self.verdicts,
            self.settings,
            seconds=time.monotonic() - self._clock,
            started=self.started.strftime("%Y-%m-%d %H:%M UTC"),
        )
        for path in paths:
            if path.suffix == ".html":
                html_report.write(path, found)
            else:
                json_report.write(path, found)


def _turn(item: pytest.Item) -> int:
    """Where a test stands: a budget is to prove as many rules as it can before it is spent."""
    if item.path.stem in LATE:
        return LATE.index(item.path.stem)
    if item.get_closest_marker("dear"):
        return DEAR
    return DEAR - 2 if item.get_closest_marker("first") else DEAR - 1


def wants_rules(config: pytest.Config) -> bool:
    """Whether this session's arguments cover any rule."""
    return any(RULES.is_relative_to(path) or path.is_relative_to(RULES) for path in _asked(config))


def names_selftest(config: pytest.Config) -> bool:
    """Whether the selftests were named, on the command line or by `testpaths` when it is empty."""
    return any(path.is_relative_to(SELFTEST) for path in _asked(config))


def _asked(config: pytest.Config) -> list[Path]:
    root = config.invocation_params.dir
    return [(root / argument.partition("::")[0]).resolve() for argument in config.args]
