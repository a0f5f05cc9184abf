"""The pytest plugin of a run: starts the server, turns tests into results of rules, and reports them."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from testkit.mock_process import MockProcess, NotStartedError

from harness import classification, collection, contract, example_limits, options, served_operations
from harness.checks.exchange_checks import ExchangeChecks
from harness.client.api_client import ApiClient
from harness.client.charges import charged_credits
from harness.client.deadlines import TimeLimit
from harness.client.exchange import printable
from harness.client.key_status import KeyStatus
from harness.client.reachability import Reachability
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.reports import dry_run, html_report, json_report, last_run, rule_list, terminal
from harness.results import CheckResult, Outcome, RunResults
from harness.rules import Rule, rule_of
from harness.settings import SELECTED, Profile, Settings, embedded_keys, is_loopback, without_user_info, worker_key
from harness.termination import Termination
from harness.turns import turn_of

NOTHING_TESTED = "no rule could be tested, which is no success; the reasons are above"


class ConformancePlugin:
    """One run of the suite in one process: the controller of a distributed run, a worker of it, or all in one."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        if collection.wants_rules(config) and not hasattr(config, "workerinput"):
            options.check(config)
        options.choose_version(config)
        SELECTED.profile, SELECTED.seed = Profile(config.getoption("profile")), options.seed(config)
        self.exchange_checks = ExchangeChecks()
        self.recorder = Recorder(self.exchange_checks.inspect)
        self.results = RunResults()
        self.started = datetime.now(UTC)
        self._clock = time.monotonic()
        self._embedded: MockProcess | None = None
        self._settings: Settings | None = None
        self._spend_limit: SpendLimit | None = None
        self._time_limit: TimeLimit | None = None
        self._reachability = Reachability()
        self._key_status = KeyStatus()
        self._termination = Termination()
        self._failed_setups: dict[int, BaseException] = {}
        # Why what a run leaves behind could not be written.
        self._unwritten: list[str] = []

    # ---------------------------------------------------------------- what the tests use

    @property
    def settings(self) -> Settings:
        """The settings; the mock server is started when they are first used, if there is no other."""
        if self._settings is None:
            self._settings = self._inherited_settings() or self._create_settings()
        return self._settings

    @property
    def spend_limit(self) -> SpendLimit:
        if self._spend_limit is None:
            self._spend_limit = SpendLimit(self.settings.max_credits)
        return self._spend_limit

    def api_client(self) -> ApiClient:
        return ApiClient(
            self.settings,
            self.recorder,
            self.spend_limit,
            self.time_limit,
            reachability=self._reachability,
            key_status=self._key_status,
        )

    @property
    def time_limit(self) -> TimeLimit:
        if self._time_limit is None:
            self._time_limit = TimeLimit(self.settings.max_seconds)
        return self._time_limit

    def _inherited_settings(self) -> Settings | None:
        values: dict[str, Any] = getattr(self.config, "workerinput", {}).get("aurous", {})
        return Settings.from_dict(values) if values else None

    def _create_settings(self) -> Settings:
        url = options.base_url(self.config)
        if url is None:
            try:
                self._embedded = MockProcess("--no-access-log", *embedded_keys(self._workers))
                self._embedded.start()
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
        if not collection.wants_rules(self.config):
            return
        settings = self.settings
        if settings.max_credits is not None:
            raise pytest.UsageError("a budget cannot be kept by several processes: run without -n")
        if settings.embedded:
            # A team of its own for every worker, as others would change its balance.
            settings = replace(settings, api_key=worker_key(int(node.workerinput["workerid"].removeprefix("gw"))))
        node.workerinput["aurous"] = settings.to_dict()

    def pytest_sessionstart(self) -> None:
        if collection.wants_rules(self.config) and not hasattr(self.config, "workerinput"):
            self._termination.install()

    def pytest_report_header(self) -> list[str]:
        if not collection.wants_rules(self.config):
            return []
        server = printable(without_user_info(options.base_url(self.config) or "the embedded mock"))
        if not is_loopback(options.base_url(self.config) or "http://127.0.0.1"):
            server += " (charges for calls)"
        profile, seed = self.config.getoption("profile"), options.seed(self.config)
        return [f"aurous: {server}, contract {contract.version()}, profile {profile}, --seed {seed}"]

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        return True if collection.is_left_out(collection_path, config) else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        collection.select(items, self.config)
        example_limits.limit_examples(items, contract.rate_classes(), SELECTED.profile)
        items.sort(key=turn_of)

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if not self.config.getoption("list_rules"):
            return None
        for line in rule_list.lines(filter(None, map(rule_of, session.items))):
            # Printed text would be captured with the output of tests.
            self.config.get_terminal_writer().line(line)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.recorder.begin()
        if rule_of(item) is not None and not item.get_closest_marker("looks_back"):
            # Past the limit, what a test does before its first request would take time for nothing.
            self.time_limit.remaining()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        rule = rule_of(item)
        style = self.config.option.tbstyle
        if rule is not None:
            # The cheapest traceback there is: the description of the rule replaces it.
            self.config.option.tbstyle = "native"
        try:
            report = yield
        finally:
            self.config.option.tbstyle = style
        # Setup and teardown count only if they failed.
        ended = call.when == "call" or call.excinfo is not None
        if rule is not None and ended:
            self._record_check(report, rule, item, call)
            if self._key_status.refusal:
                item.session.shouldstop = self._key_status.refusal
        return report

    def _record_check(
        self, report: pytest.TestReport, rule: Rule, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> None:
        error = call.excinfo.value if call.excinfo else None
        # A fixture that fails, fails the first rule that needs it; the others have nothing to test.
        is_repeated = error is not None and call.when == "setup" and id(error) in self._failed_setups
        if error is not None and call.when == "setup":
            self._failed_setups[id(error)] = error
        recorded = self.recorder.exchanges
        result = classification.classify(error, rule.level, setup_failed_before=is_repeated, recorded=recorded)
        redact = self.settings.redact
        passed = result.outcome is Outcome.PASSED
        check = CheckResult(
            rule,
            item.nodeid,
            result.outcome,
            actual=printable(redact(result.actual)),
            expected=printable(redact(result.expected)),
            exchanges=() if passed else classification.exchange_views(result.exchanges, recorded, redact),
            requests=len(recorded),
            credits=sum(charged_credits(exchange) or 0.0 for exchange in recorded),
            seconds=call.duration,
            called=served_operations.called(recorded),
            served=served_operations.served(recorded),
        )
        vars(report)["check"] = check.to_dict()
        report.user_properties += [
            ("rule", rule.id), ("outcome", check.outcome.value), ("level", rule.level.value), ("page", rule.url)
        ]  # fmt: skip
        if check.outcome is Outcome.FAILED:
            report.outcome, report.longrepr = "failed", classification.describe_failure(check)
        elif check.outcome is Outcome.NOT_TESTED:
            report.outcome, report.longrepr = "skipped", (str(item.path), item.reportinfo()[1] or 0, check.actual)
        else:
            report.outcome, report.longrepr = "passed", None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        values = getattr(report, "check", None)
        if values is not None:
            self.results.add(CheckResult.from_dict(values))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not len(self.results):
            return
        write = terminalreporter.write_line
        if self.settings.rehearsal:
            terminalreporter.section("what a run would send")
            for line in [*dry_run.rehearsed(self.results), *self._unwritten]:
                write(line)
            if not self.results.has_tested:
                for line in [*(f"{each.rule.id}: {each.actual}" for each in self.results), NOTHING_TESTED]:
                    write(line, yellow=True)
            return
        terminalreporter.section("rules")
        brief = self.config.get_verbosity() < 0
        # A file or a pipe has no width.
        width = terminalreporter._tw.fullwidth if terminalreporter.isatty() else None
        for line, markup in terminal.lines(self.results, brief=brief, width=width):
            write(line, **markup)
        write("")
        for line in terminal.left_out(self.results):
            write(line, yellow=True)
        if self.settings.max_credits is not None:
            spent = self.spend_limit
            write(f"{spent.spent:.4f} of {self.settings.max_credits:g} credits spent in {spent.calls} calls")
        for line in self._unwritten:
            write(line, red=True)
        if not self.results.has_tested:
            write(NOTHING_TESTED, yellow=True)
        line, markup = terminal.score(self.results)
        write(line, **markup)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if len(self.results) and not hasattr(self.config, "workerinput"):
            if session.exitstatus != pytest.ExitCode.INTERRUPTED and not self._require_served():
                session.exitstatus = pytest.ExitCode.INTERRUPTED
            if session.exitstatus == pytest.ExitCode.INTERRUPTED:
                served_operations.leave_unserved(self.results)
            are_written = self._report()
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = self._exit_code(are_written=are_written)
        session.exitstatus = self._termination.exit_code or session.exitstatus

    def pytest_unconfigure(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()
        self._termination.remove()

    def _exit_code(self, *, are_written: bool) -> int:
        """The exit code of a run in which no rule failed."""
        if not are_written:
            return pytest.ExitCode.INTERNAL_ERROR
        return pytest.ExitCode.OK if self.results.has_tested else pytest.ExitCode.NO_TESTS_COLLECTED

    def _require_served(self) -> bool:
        """Ask for what no test succeeded with. Returns whether that came to its end, and was not interrupted."""
        api = self.api_client()
        try:
            served_operations.require_served(self.results, api)
        except KeyboardInterrupt:
            return False
        finally:
            api.close()
        return True

    def _report(self) -> bool:
        """Write what was asked for. Returns whether all of it could be written."""
        if self.settings.rehearsal:
            if self.config.getoption("record_costs"):
                is_whole = not self.config.getoption("rule")
                try:
                    dry_run.record(self.settings.profile, self.results, is_whole=is_whole)
                except OSError as error:
                    self._unwritten.append(f"--record-costs: nothing was recorded: {error}")
                    return False
            return True
        collected = json_report.collect(
            self.results,
            self.settings,
            seconds=time.monotonic() - self._clock,
            started=self.started.strftime("%Y-%m-%d %H:%M UTC"),
        )
        try:
            last_run.save(self.config, collected)
        except OSError as error:
            # Nobody asked for it.
            self._unwritten.append(f"the results are not kept for --why: {error}")
        are_written = True
        for path in map(Path, self.config.getoption("report") or ()):
            write = html_report.write if path.suffix == ".html" else json_report.write
            try:
                write(path, collected)
            except OSError as error:
                self._unwritten.append(f"--report: {path} could not be written: {error.strerror or error}")
                are_written = False
        return are_written
