"""A soak of seconds, and proof that a leak would be seen in it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import psutil
import pytest
import soak
from aurous_mock.http import faults
from resilience.chaos.protocol import Tally
from resilience.soak import leak_check, plot, soak_run
from resilience.soak.leak_check import QUANTITIES, Quantity
from resilience.soak.process_metrics import Gauge, Sample
from resilience.soak.soak_run import Evidence, Terms
from resilience.soak.workload import errands

pytestmark = pytest.mark.slow

# Paces at which a lane does several things each second.
SMALL: dict[str, Any] = {"seconds": 8.0, "at_once": 12, "pace": 100.0, "seed": 3}


def broken(evidence: Evidence) -> list[str]:
    """The claims that did not hold."""
    return [finding.claim for finding in leak_check.judge(evidence).findings if not finding.holds]


@pytest.fixture(scope="module")
def soaked() -> Evidence:
    return asyncio.run(soak_run.run(Terms(**SMALL)))


def test_what_is_held_stays_flat(soaked: Evidence) -> None:
    assert broken(soaked) == [], leak_check.judge(soaked).as_text()
    # There was something to hold.
    assert soaked.tally is not None
    assert sum(soaked.tally.endings.values()) > 100
    assert {"call", "look", "stream, finished", "stream, left", "stream, StreamInterruptedError"} <= {
        *soaked.tally.endings
    }
    assert soaked.unsettled == ()
    for samples in soaked.samples.values():
        assert max(sample.connections for sample in samples) >= SMALL["at_once"] / 2


@pytest.fixture(scope="module")
def leaking() -> dict[str, Evidence]:
    """A soak with each leak, all at the same time: they mostly wait."""

    async def run() -> list[Evidence]:
        return await asyncio.gather(
            *(soak_run.run(Terms(leak=leak, **{**SMALL, "seconds": 6.0})) for leak in soak.LEAKS)
        )

    return dict(zip(soak.LEAKS, asyncio.run(run()), strict=True))


@pytest.mark.parametrize(("leak", "quantity"), [("memory", "memory"), ("streams", "sockets"), ("threads", "threads")])
def test_a_leak_is_seen(leaking: dict[str, Evidence], leak: str, quantity: str) -> None:
    assert f"flat: {quantity} of the client's process" in broken(leaking[leak]), leak_check.judge(
        leaking[leak]
    ).as_text()


class TestErrands:
    def test_are_the_same_for_the_same_seed_and_differ_between_seeds_and_lanes(self) -> None:
        def drawn(seed: int, lane: int) -> list[object]:
            return [errand for _, errand in zip(range(50), errands(seed, lane, 5), strict=False)]

        assert drawn(1, 0) == drawn(1, 0)
        assert drawn(1, 0) != drawn(2, 0)
        assert drawn(1, 0) != drawn(1, 1)

    def test_have_faults_that_the_mock_knows(self) -> None:
        for _, errand in zip(range(500), errands(0, 0, 5), strict=False):
            if errand.fault:
                assert faults.parse(errand.fault).text == errand.fault


def evidence(*, memory: Any = lambda at: 60.0, sockets: Any = lambda at: 64, seconds: float = 60.0) -> Evidence:
    """A soak in which all is well but for what is given, by seconds."""

    def sample(at: float) -> Sample:
        held = {"ESTABLISHED": int(sockets(at)), "LISTEN": 1}
        return Sample(at=at, memory=memory(at), descriptors=80, threads=23, sockets=held, cpu=at / 10)

    found = Evidence(terms=Terms(seconds=seconds))
    for samples in found.samples.values():
        samples += [sample(at / 2) for at in range(int(seconds * 2))]
    found.closed = msgspec.structs.replace(sample(seconds), sockets={})
    found.tally = Tally(endings={"call": 9}, untyped={}, events=0, credits=Decimal(0))
    return found


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert broken(evidence()) == []
    # What is taken in the warm-up, and what goes up and down, is no leak.
    assert broken(evidence(memory=lambda at: 60 + min(at, 14.0))) == []
    assert broken(evidence(sockets=lambda at: 64 + int(at) % 8)) == []


@pytest.mark.parametrize(
    ("changed", "quantity"),
    [
        # Above what was: at once, and for a moment.
        (evidence(memory=lambda at: 60 + 5 * (at > 40)), "memory"),
        (evidence(memory=lambda at: 60 + 5 * (at == 45)), "memory"),
        # Slowly, but for ever: it was higher once.
        (evidence(memory=lambda at: 70.0 if at < 20 else 60 + (at - 30) / 6), "memory"),
        (evidence(sockets=lambda at: 64 + at), "sockets"),
        (evidence(seconds=2.0), "threads"),
    ],
)
def test_what_is_not_flat_is_found(changed: Evidence, quantity: str) -> None:
    assert f"flat: {quantity} of the client's process" in broken(changed)


def test_what_else_goes_wrong_is_found() -> None:
    found = evidence()
    found.tally = msgspec.structs.replace(found.tally, untyped={"stream, KeyError: 'id'": 1})
    found.log = "Traceback (most recent call last)"
    found.closed = msgspec.structs.replace(found.samples["client"][-1], sockets={"CLOSE_WAIT": 1})
    assert broken(found) == [
        "each exchange ended well or in a typed error",
        "the server's log has no traceback",
        "closed, the clients hold no connection",
    ]
    found.crashes.append("the clients ended with 1")
    assert "the clients ended with 1, stream, KeyError" in leak_check.judge(found).as_text()


def test_a_gauge_sees_what_a_process_holds() -> None:
    gauge = Gauge(os.getpid())
    before = gauge.read(0.0)
    with Path(__file__).open() as one, Path(__file__).open() as other:
        held = gauge.read(1.0)
    assert before is not None
    assert held is not None
    assert held.descriptors == before.descriptors + 2, (one, other)
    assert held.memory > 1
    over = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    gauge = Gauge(over.pid)
    over.communicate()
    assert gauge.read(0.0) is None


def test_a_picture_has_a_line_for_each_process_and_quantity(soaked: Evidence) -> None:
    picture = ElementTree.fromstring(plot.draw(soaked))  # noqa: S314 - our own
    lines = [element for element in picture.iter() if element.tag.endswith("polyline")]
    drawn = [quantity for quantity in QUANTITIES if quantity.name != "half-closed sockets"]
    assert len(lines) == 2 * len(drawn)
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) >= 20
        assert points == sorted(points, key=lambda point: point[0])
        assert all(120 <= right <= 570 and 50 < down < 430 for right, down in points)


def test_a_document_has_every_sample(soaked: Evidence) -> None:
    document = msgspec.json.decode(leak_check.as_json(soaked, leak_check.judge(soaked)))
    assert document["is_good"] is True
    assert len(document["samples"]["mock"]) == len(soaked.samples["mock"])
    assert document["samples"]["client"][0]["memory"] > 1


def test_the_allowance_is_a_share_or_the_least() -> None:
    quantity = Quantity("memory", "MiB", lambda sample: sample.memory, 0.05, 4.0)
    assert (quantity.allowance(10), quantity.allowance(200)) == (4.0, 10.0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--minutes", "0"], "more than 0"),
        (["--minutes", "inf"], "more than 0"),
        (["--at-once", "2"], "at least 3"),
        (["--leak", "tears"], "invalid choice"),
        (["--plot", "no/such/folder/plot.svg"], "there is no folder"),
    ],
)
def test_a_bad_command_line_is_exit_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        soak.main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_an_interrupt_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(soak.__file__)), "--minutes", "0.2"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("64 streams and calls at once")
        assert "exchanges; client" in run.stdout.readline()
        started = psutil.Process(run.pid).children(recursive=True)
        assert len(started) == 2
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=60)
    assert (run.returncode, said) == (130, "soak: interrupted; everything is stopped\n")
    assert not [process for process in started if process.is_running()]
    assert list(tmp_path.iterdir()) == []
