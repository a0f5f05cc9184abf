"""A small chaos with a fixed seed, and proof that a large one would see what it is there to see."""

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
from resilience.chaos.chaos_run import Evidence, Terms
from resilience.chaos.fault_plan import Answer, Break, Ending, Fault, Lots, Work
from resilience.chaos.fault_proxy import Proxy
from resilience.chaos.protocol import Account, CallTold, Patience, Settled, StreamTold
from resilience.report import Verdict

pytestmark = pytest.mark.slow

# Short waits, and time enough for the lease of what a server was making when it was killed.
PATIENCE = Patience(read=0.5, total=20, initial_delay=0.1)
SMALL: dict[str, Any] = {"seed": 4, "kills": 1, "patience": PATIENCE, "crews": (("threads", 16), ("tasks", 32))}


@pytest.fixture(scope="module")
def called() -> Evidence:
    return asyncio.run(chaos_run.run(Terms(kind="calls", count=100, **SMALL)))


@pytest.fixture(scope="module")
def called_without_keys() -> Evidence:
    return asyncio.run(chaos_run.run(Terms(kind="calls", count=100, drops_keys=True, **{**SMALL, "kills": 0})))


@pytest.fixture(scope="module")
def streamed() -> Evidence:
    # A few at once: all at once, on a busy machine none would begin within its time.
    few: dict[str, Any] = {
        "patience": Patience(read=1, total=20, initial_delay=0.1),
        "crews": (("threads", 5), ("tasks", 9)),
    }
    return asyncio.run(chaos_run.run(Terms(kind="streams", count=40, **{**SMALL, **few, "kills": 0})))


def broken(verdict: Verdict) -> list[str]:
    """The claims that did not hold."""
    return [finding.claim for finding in verdict.findings if not finding.holds]


def test_calls_are_charged_exactly_once(called: Evidence) -> None:
    verdict = charge_audit.judge(called)
    assert broken(verdict) == [], verdict.as_text()
    # It was as bad as it was meant to be.
    assert called.kills == 1
    assert called.struck.total() > 0.2 * called.exchanges
    assert len(called.struck) > 10
    assert any(told.attempts > 1 for told in called.calls.values())
    assert len(called.charges) == 100


def test_without_keys_the_same_faults_cost_money(called_without_keys: Evidence) -> None:
    verdict = charge_audit.contrast(called_without_keys)
    assert broken(verdict) == [], verdict.as_text()
    assert len(called_without_keys.charges) > 105
    # And the claims that hold with keys are seen not to.
    assert "none was charged twice" in broken(charge_audit.judge(called_without_keys))
    assert "settled under its key, each is charged exactly once" in broken(charge_audit.judge(called_without_keys))


def test_streams_tell_what_they_cost(streamed: Evidence) -> None:
    verdict = stream_audit.judge(streamed)
    assert broken(verdict) == [], verdict.as_text()
    states = Counter(stream_audit.state_of(told) for told in streamed.streams.values())
    assert states[stream_audit.WHOLE]
    assert states[stream_audit.RECOVERED]
    assert states[stream_audit.OWED]
    assert any(told.recovery in ("cancelled", "completed") and told.error for told in streamed.streams.values())


class TestLots:
    def test_are_the_same_for_the_same_seed_and_differ_between_seeds(self) -> None:
        def drawn(seed: int) -> list[object]:
            lots = Lots(seed, 0.3)
            calls = [lots.for_call("POST", number, attempt) for number in range(50) for attempt in range(3)]
            return [*calls, *(lots.for_stream(number, 0, 20) for number in range(50))]

        assert drawn(1) == drawn(1)
        assert drawn(1) != drawn(2)

    def test_strike_as_often_as_told_and_with_every_fault(self) -> None:
        lots = Lots(0, 0.3)
        drawn = [lots.for_call("POST", number, 0) for number in range(5000)]
        struck = [fault for fault in drawn if fault is not None]
        assert 0.27 < len(struck) / len(drawn) < 0.33
        assert {fault.work for fault in struck} == set(Work)
        assert {fault.answer for fault in struck} == set(Answer)
        assert not any(Lots(0, 0.0).for_call("POST", number, 0) for number in range(50))

    def test_break_streams_everywhere_and_in_every_way(self) -> None:
        drawn = [Lots(0, 0.3).for_stream(number, 0, 10) for number in range(3000)]
        breaks = [one for one in drawn if isinstance(one, Break)]
        assert {one.events for one in breaks} == set(range(15))
        assert {(one.ending, one.is_within, one.is_noticed) for one in breaks} == {
            (ending, within, noticed) for ending in Ending for within in (True, False) for noticed in (True, False)
        }
        assert any(isinstance(one, Fault) for one in drawn)


class Certain(Lots):
    """Lots that all fall alike."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(0, 1.0)
        self._fault = fault

    def for_call(self, method: str, number: int | None, attempt: int) -> Fault | None:
        return self._fault


@pytest.fixture(scope="module")
def mock() -> Any:
    with running() as made:
        yield made


ERRORS = (Answer.HTML, Answer.FAILED, Answer.UNAVAILABLE)


class TestProxy:
    @pytest.mark.parametrize(
        ("work", "answer"),
        [
            *((Work.NONE, answer) for answer in (Answer.RESET, *ERRORS)),
            *((Work.ONCE, answer) for answer in (Answer.RESET, Answer.CUT, Answer.TORN, *ERRORS)),
        ],
    )
    def test_spoils_an_answer_before_or_after_the_work(self, work: Work, answer: Answer, mock: Mock) -> None:
        mock.reset()
        with pytest.raises(aurous.ServerError if answer in ERRORS else aurous.APIConnectionError):
            self.ask(mock, Fault(work, answer, 0.5))
        assert len(mock.ledger()) == (work is Work.ONCE)

    @pytest.mark.parametrize("work", [Work.NONE, Work.ONCE, Work.SLOW])
    def test_keeps_the_client_waiting(self, work: Work, mock: Mock) -> None:
        mock.reset()
        with pytest.raises(aurous.APITimeoutError):
            self.ask(mock, Fault(work, Answer.WHOLE if work is Work.SLOW else Answer.STALLED))
        if work is not Work.SLOW:
            assert len(mock.ledger()) == (work is Work.ONCE)

    @pytest.mark.parametrize("work", [Work.TWICE, Work.OVERTAKEN])
    def test_delivers_twice(self, work: Work, mock: Mock) -> None:
        mock.reset()
        found = self.ask(mock, Fault(work, Answer.WHOLE))
        assert len(mock.ledger()) == 1
        info = aurous.response_info(found)
        assert info.idempotent_replayed or work is Work.OVERTAKEN
        mock.reset()
        self.ask(mock, Fault(work, Answer.WHOLE), drops_keys=True)
        assert len(mock.ledger()) == 2

    def ask(self, mock: Mock, fault: Fault, *, drops_keys: bool = False) -> aurous.models.ChatCompletion:
        """One call through the proxy, made once, unless the key is in use."""

        async def go() -> aurous.models.ChatCompletion:
            proxy = Proxy(Certain(fault), patience=0.3, drops_keys=drops_keys)
            url = await proxy.start(int(mock.url.rsplit(":", 1)[1]))
            timeout = aurous.Timeouts(read=0.3 if fault.answer is Answer.STALLED or fault.work is Work.SLOW else 10)
            try:
                async with aurous.AsyncAurous(mock.api_key, base_url=url, max_retries=0, timeout=timeout) as client:
                    messages = [{"role": "user", "content": "Trial 1."}]
                    return await client.chat.completions.create(
                        model="aurous-grow-2.0-pro", messages=messages, max_tokens=8
                    )
            finally:
                await proxy.calm()
                await proxy.stop()

        return asyncio.run(go())


def evidence_of_calls() -> Evidence:
    """Three calls, the last of which ended in an error and was charged all the same; nothing is wrong."""
    found = Evidence(terms=Terms(kind="calls", count=3, kills=0))
    for number in range(3):
        well: dict[str, Any] = {"id": f"cmp_{number}", "credits": Decimal("0.25"), "attempts": 1}
        how: dict[str, Any] = {"error": "ServerError"} if number == 2 else well
        found.calls[number] = CallTold(number=number, elapsed=1.0, key=f"key_{number}", is_derived=False, **how)
        found.charges.append(
            {"completion_id": f"cmp_{number}", "idempotency_key": f"key_{number}", "credits_charged": Decimal("0.250")}
        )
    found.settled[2] = Settled(number=2, id="cmp_2", credits=Decimal("0.25"), text="", is_replay=True)
    found.accounts.append(Account(credits=Decimal("0.5"), calls=2, replays=1, unsettled=()))
    return found


def evidence_of_streams() -> Evidence:
    """A whole stream, one that was cut before its id came, and one whose receipt had to be asked for."""
    found = Evidence(terms=Terms(kind="streams", count=3, kills=0))
    price = Decimal("0.25")
    found.streams[0] = StreamTold(number=0, elapsed=1.0, id="cmp_0", end="finished", credits=price, text="all")
    found.streams[1] = StreamTold(number=1, elapsed=1.0, id=None, end="cut", error="StreamInterruptedError")
    found.streams[2] = StreamTold(number=2, elapsed=1.0, id="cmp_2", end="cut", error="IdleTimeoutError", text="al")
    found.charges += [{"completion_id": f"cmp_{number}", "credits_charged": price} for number in range(3)]
    found.seen = {number: {f"cmp_{number}"} for number in range(3)}
    found.unsettled = {"cmp_2"}
    for number in (0, 2):
        found.settled[number] = Settled(number=number, id=f"cmp_{number}", credits=price, text="all")
    found.accounts.append(Account(credits=Decimal("0.50"), calls=2, replays=0, unsettled=()))
    return found


def change(told: Any, **members: Any) -> Any:
    return msgspec.structs.replace(told, **members)


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert broken(charge_audit.judge(evidence_of_calls())) == []
    assert broken(stream_audit.judge(evidence_of_streams())) == []


CALLS_GONE_WRONG: dict[str, tuple[Callable[[Evidence], object], str]] = {
    "hung": (lambda found: found.calls.pop(2), "each ended"),
    "crashed": (lambda found: found.crashes.append("a process ended with 1"), "each ended"),
    "untyped": (lambda found: found.calls.update({2: change(found.calls[2], is_typed=False)}), "each ended"),
    "late": (lambda found: found.calls.update({0: change(found.calls[0], elapsed=31.1)}), "each within"),
    "traceback": (lambda found: setattr(found, "log", "Traceback (most recent"), "the server was killed"),
    "twice": (lambda found: found.charges.append({**found.charges[2], "completion_id": "cmp_9"}), "none was charged"),
    "lost": (lambda found: found.charges.pop(2), "settled under its key"),
    "another price": (lambda found: found.charges[0].update(credits_charged=Decimal("0.2500001")), "each answer"),
    "another answer": (lambda found: found.charges[0].update(completion_id="cmp_9"), "each answer"),
    "never called": (lambda found: found.charges[2].update(idempotency_key="key_9"), "nothing was charged"),
    "for free": (
        lambda found: found.calls.update({0: change(found.calls[0], is_replay=True)}),
        "no answer under a key",
    ),
    "not entered": (lambda found: found.accounts.clear(), "the clients' ledgers"),
}


@pytest.mark.parametrize(("spoil", "claim"), CALLS_GONE_WRONG.values(), ids=CALLS_GONE_WRONG)
def test_what_goes_wrong_with_calls_is_seen(spoil: Callable[[Evidence], object], claim: str) -> None:
    found = evidence_of_calls()
    spoil(found)
    assert any(broke.startswith(claim) for broke in broken(charge_audit.judge(found)))


STREAMS_GONE_WRONG: dict[str, tuple[Callable[[Evidence], object], str]] = {
    "another price": (lambda found: found.charges[0].update(credits_charged=Decimal("0.2500001")), "each receipt"),
    "no price": (lambda found: found.streams.update({0: change(found.streams[0], credits=None)}), "those without one"),
    "another record": (lambda found: found.settled.update({2: change(found.settled[2], credits=Decimal(1))}), "so is"),
    "never settled": (lambda found: found.settled.pop(2), "so is"),
    "other words": (lambda found: found.streams.update({2: change(found.streams[2], text="ol")}), "what was delivered"),
    "words missing": (lambda found: found.streams.update({0: change(found.streams[0], text="al")}), "what was delive"),
    "out of nowhere": (lambda found: found.seen.clear(), "nothing was charged"),
    "not entered": (lambda found: found.accounts.clear(), "the clients' ledgers"),
}


@pytest.mark.parametrize(("spoil", "claim"), STREAMS_GONE_WRONG.values(), ids=STREAMS_GONE_WRONG)
def test_what_goes_wrong_with_streams_is_seen(spoil: Callable[[Evidence], object], claim: str) -> None:
    found = evidence_of_streams()
    spoil(found)
    assert any(broke.startswith(claim) for broke in broken(stream_audit.judge(found)))


def test_a_verdict_is_a_table_and_a_document() -> None:
    verdict = charge_audit.judge(evidence_of_calls())
    assert "holds   none was charged twice" in verdict.as_text()
    [document] = msgspec.json.decode(report.as_json([verdict]))
    assert document["is_good"] is True
    assert document["figures"]["in a typed error"] == {"ServerError": 1}
    found = evidence_of_calls()
    found.crashes.append("why")
    assert "BROKEN  each ended, well or in a typed error: why" in charge_audit.judge(found).as_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["everything"], "'everything' is none of"),
        (["--calls", "0"], "at least 1"),
        (["--calls", "x"], "invalid"),
        (["--json", "nowhere/at/all.json"], "there is no folder nowhere"),
    ],
)
def test_a_bad_command_line_is_exit_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        chaos.main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_running(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, str(Path(chaos.__file__)), "calls", "--calls", "300", "--kills", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "300 calls ...\n"
        assert "30 of 300 calls have ended" in run.stdout.readline()
        started = psutil.Process(run.pid).children(recursive=True)
        assert len(started) >= 5
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    assert (run.returncode, said) == (130, "chaos: interrupted; everything is stopped\n")
    assert not [process for process in started if process.is_running()]
    assert list(tmp_path.iterdir()) == []
