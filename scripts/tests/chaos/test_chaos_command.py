"""A small chaos run with a fixed seed, and that each of its checks can fail."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aurous
import chaos
import msgspec
import psutil
import pytest
from aurous_mock.server.launcher import Mock, running
from resilience import report
from resilience.chaos import chaos_run, charge_audit, stream_audit
from resilience.chaos.chaos_run import Config, Result
from resilience.chaos.fault_plan import Fault, FaultPlan, ResponseFault, StreamBreak, StreamEnding, Work
from resilience.chaos.fault_proxy import Proxy
from resilience.chaos.protocol import CallOutcome, ClientTimeouts, LedgerTotals, Settlement, StreamOutcome
from resilience.report import RunReport

pytestmark = pytest.mark.slow

# Short timeouts, and a deadline beyond the lease of a completion whose server was killed.
PATIENCE = ClientTimeouts(read=0.5, total=60, initial_delay=0.1)
SMALL: dict[str, Any] = {"seed": 4, "kills": 1, "timeouts": PATIENCE, "workers": (("threads", 16), ("tasks", 32))}


@pytest.fixture(scope="module")
def calls_result() -> Result:
    return asyncio.run(chaos_run.run(Config(kind="calls", count=100, **SMALL)))


@pytest.fixture(scope="module")
def keyless_result() -> Result:
    return asyncio.run(chaos_run.run(Config(kind="calls", count=100, drops_keys=True, **{**SMALL, "kills": 0})))


@pytest.fixture(scope="module")
def streams_result() -> Result:
    # Few at once: on a busy machine many would not open within their timeout.
    few: dict[str, Any] = {
        "timeouts": ClientTimeouts(read=1, total=60, initial_delay=0.1),
        "workers": (("threads", 5), ("tasks", 9)),
    }
    return asyncio.run(chaos_run.run(Config(kind="streams", count=40, **{**SMALL, **few, "kills": 0})))


def failed_checks(run_report: RunReport) -> list[str]:
    """The claims of the checks that failed."""
    return [check.claim for check in run_report.checks if not check.passed]


def test_calls_are_charged_exactly_once(calls_result: Result) -> None:
    run_report = charge_audit.evaluate(calls_result)
    assert failed_checks(run_report) == [], run_report.as_text()
    # The faults did happen.
    assert calls_result.kills == 1
    assert calls_result.injected.total() > 0.2 * calls_result.exchanges
    assert len(calls_result.injected) > 10
    assert any(outcome.attempts > 1 for outcome in calls_result.calls.values())
    assert len(calls_result.charges) == 100


def test_without_keys_the_same_faults_cost_money(keyless_result: Result) -> None:
    run_report = charge_audit.evaluate_without_keys(keyless_result)
    assert failed_checks(run_report) == [], run_report.as_text()
    assert len(keyless_result.charges) > 105
    # The checks that pass with keys fail without.
    assert "no call was charged twice" in failed_checks(charge_audit.evaluate(keyless_result))
    assert "repeated under its key, each call is charged exactly once" in failed_checks(
        charge_audit.evaluate(keyless_result)
    )


def test_streams_report_their_charge(streams_result: Result) -> None:
    run_report = stream_audit.evaluate(streams_result)
    assert failed_checks(run_report) == [], run_report.as_text()
    states = Counter(stream_audit.state_of(outcome) for outcome in streams_result.streams.values())
    assert states[stream_audit.COMPLETE]
    assert states[stream_audit.RECOVERED]
    assert states[stream_audit.UNSETTLED]
    assert any(
        outcome.recovery in ("cancelled", "completed") and outcome.error for outcome in streams_result.streams.values()
    )


class TestFaultPlan:
    def test_fault_plan_is_a_function_of_its_seed(self) -> None:
        def draw(seed: int) -> list[object]:
            plan = FaultPlan(seed, 0.3)
            calls = [plan.for_call("POST", number, attempt) for number in range(50) for attempt in range(3)]
            return [*calls, *(plan.for_stream(number, 0, 20) for number in range(50))]

        assert draw(1) == draw(1)
        assert draw(1) != draw(2)

    def test_fault_plan_uses_every_fault_at_its_share(self) -> None:
        plan = FaultPlan(0, 0.3)
        draw = [plan.for_call("POST", number, 0) for number in range(5000)]
        injected = [fault for fault in draw if fault is not None]
        assert 0.27 < len(injected) / len(draw) < 0.33
        assert {fault.work for fault in injected} == set(Work)
        assert {fault.response for fault in injected} == set(ResponseFault)
        assert not any(FaultPlan(0, 0.0).for_call("POST", number, 0) for number in range(50))

    def test_fault_plan_breaks_streams_everywhere(self) -> None:
        draw = [FaultPlan(0, 0.3).for_stream(number, 0, 10) for number in range(3000)]
        breaks = [one for one in draw if isinstance(one, StreamBreak)]
        assert {one.events for one in breaks} == set(range(15))
        assert {(one.ending, one.is_inside_event, one.is_detected) for one in breaks} == {
            (ending, within, noticed)
            for ending in StreamEnding
            for within in (True, False)
            for noticed in (True, False)
        }
        assert any(isinstance(one, Fault) for one in draw)


class FixedPlan(FaultPlan):
    """A plan that gives every call the same fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(0, 1.0)
        self._fault = fault

    def for_call(self, method: str, number: int | None, attempt: int) -> Fault | None:
        return self._fault


@pytest.fixture(scope="module")
def mock() -> Any:
    with running() as running_mock:
        yield running_mock


ERRORS = (ResponseFault.HTML, ResponseFault.FAILED, ResponseFault.UNAVAILABLE)


class TestFaultProxy:
    @pytest.mark.parametrize(
        ("work", "response"),
        [
            *((Work.NONE, response) for response in (ResponseFault.RESET, *ERRORS)),
            *(
                (Work.ONCE, response)
                for response in (ResponseFault.RESET, ResponseFault.CUT, ResponseFault.TORN, *ERRORS)
            ),
        ],
    )
    def test_fault_proxy_fails_before_or_after_processing(
        self, work: Work, response: ResponseFault, mock: Mock
    ) -> None:
        mock.reset()
        with pytest.raises(aurous.ServerError if response in ERRORS else aurous.APIConnectionError):
            self.call(mock, Fault(work, response, 0.5))
        assert len(mock.ledger()) == (work is Work.ONCE)

    @pytest.mark.parametrize("work", [Work.NONE, Work.ONCE, Work.SLOW])
    def test_fault_proxy_stalls_until_the_client_times_out(self, work: Work, mock: Mock) -> None:
        mock.reset()
        with pytest.raises(aurous.APITimeoutError):
            self.call(mock, Fault(work, ResponseFault.WHOLE if work is Work.SLOW else ResponseFault.STALLED))
        if work is not Work.SLOW:
            assert len(mock.ledger()) == (work is Work.ONCE)

    @pytest.mark.parametrize("work", [Work.TWICE, Work.OVERTAKEN])
    def test_fault_proxy_delivers_a_request_twice(self, work: Work, mock: Mock) -> None:
        mock.reset()
        result = self.call(mock, Fault(work, ResponseFault.WHOLE))
        assert len(mock.ledger()) == 1
        info = aurous.response_info(result)
        assert info.idempotent_replayed or work is Work.OVERTAKEN
        mock.reset()
        self.call(mock, Fault(work, ResponseFault.WHOLE), drops_keys=True)
        assert len(mock.ledger()) == 2

    def call(self, mock: Mock, fault: Fault, *, drops_keys: bool = False) -> aurous.models.ChatCompletion:
        """One call through the proxy, without retries."""

        async def call_once() -> aurous.models.ChatCompletion:
            proxy = Proxy(FixedPlan(fault), read_timeout=0.3, drops_keys=drops_keys)
            url = await proxy.start(int(mock.url.rsplit(":", 1)[1]))
            timeout = aurous.Timeouts(
                read=0.3 if fault.response is ResponseFault.STALLED or fault.work is Work.SLOW else 10
            )
            try:
                async with aurous.AsyncAurous(mock.api_key, base_url=url, max_retries=0, timeout=timeout) as client:
                    messages = [{"role": "user", "content": "Call 1."}]
                    return await client.chat.completions.create(
                        model="aurous-grow-2.0-pro", messages=messages, max_tokens=8
                    )
            finally:
                await proxy.calm()
                await proxy.stop()

        return asyncio.run(call_once())


def make_calls_result() -> Result:
    """Three correct calls, the last of which failed and was charged all the same."""
    result = Result(config=Config(kind="calls", count=3, kills=0))
    for number in range(3):
        well: dict[str, Any] = {"id": f"cmp_{number}", "credits": Decimal("0.25"), "attempts": 1}
        how: dict[str, Any] = {"error": "ServerError"} if number == 2 else well
        result.calls[number] = CallOutcome(number=number, elapsed=1.0, key=f"key_{number}", is_derived=False, **how)
        result.charges.append(
            {"completion_id": f"cmp_{number}", "idempotency_key": f"key_{number}", "credits_charged": Decimal("0.250")}
        )
    result.settled[2] = Settlement(number=2, id="cmp_2", credits=Decimal("0.25"), text="", is_replay=True)
    result.ledgers.append(LedgerTotals(credits=Decimal("0.5"), calls=2, replays=1, unsettled=()))
    return result


def make_streams_result() -> Result:
    """A complete stream, one cut before its id, and one whose receipt had to be retrieved."""
    result = Result(config=Config(kind="streams", count=3, kills=0))
    price = Decimal("0.25")
    result.streams[0] = StreamOutcome(number=0, elapsed=1.0, id="cmp_0", end="finished", credits=price, text="all")
    result.streams[1] = StreamOutcome(number=1, elapsed=1.0, id=None, end="cut", error="StreamInterruptedError")
    result.streams[2] = StreamOutcome(number=2, elapsed=1.0, id="cmp_2", end="cut", error="IdleTimeoutError", text="al")
    result.charges += [{"completion_id": f"cmp_{number}", "credits_charged": price} for number in range(3)]
    result.completions = {number: {f"cmp_{number}"} for number in range(3)}
    result.unsettled = {"cmp_2"}
    for number in (0, 2):
        result.settled[number] = Settlement(number=number, id=f"cmp_{number}", credits=price, text="all")
    result.ledgers.append(LedgerTotals(credits=Decimal("0.50"), calls=2, replays=0, unsettled=()))
    return result


def change(outcome: Any, **members: Any) -> Any:
    return msgspec.structs.replace(outcome, **members)


def test_correct_ledgers_pass_every_check() -> None:
    assert failed_checks(charge_audit.evaluate(make_calls_result())) == []
    assert failed_checks(stream_audit.evaluate(make_streams_result())) == []


CALL_PROBLEMS: dict[str, tuple[Callable[[Result], object], str]] = {
    "hung": (lambda result: result.calls.pop(2), "each call ended with"),
    "crashed": (lambda result: result.crashes.append("a client process exited with 1"), "each call ended with"),
    "untyped": (
        lambda result: result.calls.update({2: change(result.calls[2], is_typed=False)}),
        "each call ended with",
    ),
    "late": (lambda result: result.calls.update({0: change(result.calls[0], elapsed=31.1)}), "each call ended within"),
    "traceback": (lambda result: setattr(result, "log", "Traceback (most recent"), "the server was killed"),
    "twice": (
        lambda result: result.charges.append({**result.charges[2], "completion_id": "cmp_9"}),
        "no call was charged",
    ),
    "uncharged": (lambda result: result.charges.pop(2), "repeated under its key"),
    "wrong price": (lambda result: result.charges[0].update(credits_charged=Decimal("0.2500001")), "each completion"),
    "wrong completion": (lambda result: result.charges[0].update(completion_id="cmp_9"), "each completion"),
    "charge without a call": (lambda result: result.charges[2].update(idempotency_key="key_9"), "no charge is without"),
    "false replay": (
        lambda result: result.calls.update({0: change(result.calls[0], is_replay=True)}),
        "no call with a key",
    ),
    "not in the ledger": (lambda result: result.ledgers.clear(), "the clients' ledgers"),
}


@pytest.mark.parametrize(("corrupt", "claim"), CALL_PROBLEMS.values(), ids=CALL_PROBLEMS)
def test_call_problem_fails_its_check(corrupt: Callable[[Result], object], claim: str) -> None:
    result = make_calls_result()
    corrupt(result)
    assert any(failed.startswith(claim) for failed in failed_checks(charge_audit.evaluate(result)))


STREAM_PROBLEMS: dict[str, tuple[Callable[[Result], object], str]] = {
    "wrong price": (lambda result: result.charges[0].update(credits_charged=Decimal("0.2500001")), "each receipt"),
    "no receipt": (
        lambda result: result.streams.update({0: change(result.streams[0], credits=None)}),
        "streams without a receipt",
    ),
    "wrong record": (
        lambda result: result.settled.update({2: change(result.settled[2], credits=Decimal(1))}),
        "each record retrieved",
    ),
    "not settled": (lambda result: result.settled.pop(2), "each record retrieved"),
    "wrong text": (
        lambda result: result.streams.update({2: change(result.streams[2], text="ol")}),
        "the text delivered",
    ),
    "missing text": (
        lambda result: result.streams.update({0: change(result.streams[0], text="al")}),
        "the text delivered",
    ),
    "charge without a stream": (lambda result: result.completions.clear(), "no charge is without"),
    "not in the ledger": (lambda result: result.ledgers.clear(), "the clients' ledgers"),
}


@pytest.mark.parametrize(("corrupt", "claim"), STREAM_PROBLEMS.values(), ids=STREAM_PROBLEMS)
def test_stream_problem_fails_its_check(corrupt: Callable[[Result], object], claim: str) -> None:
    result = make_streams_result()
    corrupt(result)
    assert any(failed.startswith(claim) for failed in failed_checks(stream_audit.evaluate(result)))


def test_report_is_printed_and_written_as_json() -> None:
    run_report = charge_audit.evaluate(make_calls_result())
    assert "passed  no call was charged twice" in run_report.as_text()
    [document] = msgspec.json.decode(report.as_json([run_report]))
    assert document["passed"] is True
    assert document["figures"]["failed with a typed error"] == {"ServerError": 1}
    result = make_calls_result()
    result.crashes.append("why")
    assert "FAILED  each call ended with a result or a typed error: why" in charge_audit.evaluate(result).as_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["everything"], "'everything' is not one of"),
        (["--calls", "0"], "at least 1"),
        (["--calls", "x"], "'x' is not a whole number of at least 1"),
        (["--kills", "-1"], "'-1' is not a whole number"),
        (["--retry-quota", "many"], "'many' is not a whole number"),
        (["--retry", "5"], "unrecognized arguments"),
        (["--json", "nowhere/at/all.json"], "there is no folder nowhere"),
    ],
)
def test_chaos_usage_error_exits_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        chaos.main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "quota"), [([], None), (["--retry-quota", "none"], None), (["--retry-quota", "0"], 0)]
)
def test_retry_quota_of_zero_allows_no_retry(arguments: list[str], quota: int | None) -> None:
    assert chaos.make_config("calls", chaos.parse_arguments(["calls", *arguments])).retry_quota == quota


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_chaos_leaves_no_process(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, str(Path(chaos.__file__)), "calls", "--calls", "300", "--kills", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "300 calls ...\n"
        assert "30 of 300 calls ended" in run.stdout.readline()
        processes = psutil.Process(run.pid).children(recursive=True)
        assert len(processes) >= 5
        run.send_signal(number)
        _, error_output = run.communicate(timeout=60)
    assert (run.returncode, error_output) == (130, "chaos: interrupted; all processes are stopped\n")
    assert not [process for process in processes if process.is_running()]
    assert list(tmp_path.iterdir()) == []
