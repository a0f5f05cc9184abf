"""A soak of a few seconds, and that it detects each kind of leak."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import psutil
import pytest
import soak
from aurous_mock.http import faults
from resilience.chaos.protocol import Progress
from resilience.soak import leak_check, plot, soak_run
from resilience.soak.leak_check import QUANTITIES, Quantity
from resilience.soak.process_metrics import ProcessMetrics, Sample
from resilience.soak.soak_run import Config, Result
from resilience.soak.workload import work_items

pytestmark = pytest.mark.slow

# A pace at which a worker finishes several items each second.
SMALL: dict[str, Any] = {"seconds": 8.0, "concurrency": 12, "pace": 100.0, "seed": 3}


def failed_checks(result: Result) -> list[str]:
    """The claims of the checks that failed."""
    return [check.claim for check in leak_check.evaluate(result).checks if not check.passed]


async def run_until(suffices: Callable[[Result], bool], **settings: Any) -> Result:
    """A soak that suffices, or the longest.

    How much traffic a second holds depends on the machine, and with it when the mock's pools have all their threads.
    """
    for factor in (1, 2, 4, 8):
        result = await soak_run.run(Config(**{**SMALL, **settings, "seconds": SMALL["seconds"] * factor}))
        if suffices(result):
            break
    return result


def endings(result: Result) -> dict[str, int]:
    return result.progress.endings if result.progress else {}


def has_every_ending(result: Result) -> bool:
    expected = {"call", "read", "stream, finished", "stream, left", "stream, StreamInterruptedError"}
    return expected <= {*endings(result)}


@pytest.fixture(scope="module")
def soak_result() -> Result:
    return asyncio.run(run_until(lambda result: has_every_ending(result) and not failed_checks(result)))


def test_resources_stay_level(soak_result: Result) -> None:
    assert failed_checks(soak_result) == [], leak_check.evaluate(soak_result).as_text()
    # There was traffic.
    assert sum(endings(soak_result).values()) > 20
    assert has_every_ending(soak_result)
    assert soak_result.unsettled == ()
    for samples in soak_result.samples.values():
        assert max(sample.connections for sample in samples) >= SMALL["concurrency"] / 2


# The quantity that each leak raises.
LEAKED = {"memory": "memory", "streams": "sockets", "threads": "threads"}


def is_detected(leak: str, result: Result) -> bool:
    return f"level: {LEAKED[leak]} of the client's process" in failed_checks(result)


@pytest.fixture(scope="module")
def leaking_results() -> dict[str, Result]:
    """A soak with each leak, all at once: they mostly wait."""

    async def run() -> list[Result]:
        return await asyncio.gather(*(run_until(partial(is_detected, leak), leak=leak) for leak in soak.LEAKS))

    return dict(zip(soak.LEAKS, asyncio.run(run()), strict=True))


@pytest.mark.parametrize("leak", soak.LEAKS)
def test_planted_leak_is_detected(leaking_results: dict[str, Result], leak: str) -> None:
    assert is_detected(leak, leaking_results[leak]), leak_check.evaluate(leaking_results[leak]).as_text()


class TestWorkload:
    def test_workload_is_a_function_of_seed_and_worker(self) -> None:
        def drawn(seed: int, worker: int) -> list[object]:
            return [item for _, item in zip(range(50), work_items(seed, worker, 5), strict=False)]

        assert drawn(1, 0) == drawn(1, 0)
        assert drawn(1, 0) != drawn(2, 0)
        assert drawn(1, 0) != drawn(1, 1)

    def test_workload_uses_faults_that_the_mock_parses(self) -> None:
        for _, item in zip(range(500), work_items(0, 0, 5), strict=False):
            if item.fault:
                assert faults.parse(item.fault).text == item.fault


def make_result(*, memory: Any = lambda at: 60.0, sockets: Any = lambda at: 64, seconds: float = 60.0) -> Result:
    """A soak without leaks, but for the given quantities by time in seconds."""

    def sample(at: float) -> Sample:
        held = {"ESTABLISHED": int(sockets(at)), "LISTEN": 1}
        return Sample(at=at, memory=memory(at), descriptors=80, threads=23, sockets=held, cpu=at / 10)

    result = Result(config=Config(seconds=seconds))
    for samples in result.samples.values():
        samples += [sample(at / 2) for at in range(int(seconds * 2))]
    result.closed = msgspec.structs.replace(sample(seconds), sockets={})
    result.progress = Progress(endings={"call": 9}, untyped={}, events=0, credits=Decimal(0))
    return result


def test_level_soak_passes_every_check() -> None:
    assert failed_checks(make_result()) == []
    # Growth in the warm-up, and going up and down, is no leak.
    assert failed_checks(make_result(memory=lambda at: 60 + min(at, 14.0))) == []
    assert failed_checks(make_result(sockets=lambda at: 64 + int(at) % 8)) == []


@pytest.mark.parametrize(
    ("changed", "quantity"),
    [
        # Above the second quarter: for good, and for a moment.
        (make_result(memory=lambda at: 60 + 5 * (at > 40)), "memory"),
        (make_result(memory=lambda at: 60 + 5 * (at == 45)), "memory"),
        # A slow rise, below an earlier maximum.
        (make_result(memory=lambda at: 70.0 if at < 20 else 60 + (at - 30) / 6), "memory"),
        (make_result(sockets=lambda at: 64 + at), "sockets"),
        (make_result(seconds=2.0), "threads"),
    ],
)
def test_rising_quantity_fails_its_check(changed: Result, quantity: str) -> None:
    assert f"level: {quantity} of the client's process" in failed_checks(changed)


def test_errors_and_open_connections_fail_their_checks() -> None:
    result = make_result()
    result.progress = msgspec.structs.replace(result.progress, untyped={"stream, KeyError: 'id'": 1})
    result.log = "Traceback (most recent call last)"
    result.closed = msgspec.structs.replace(result.samples["client"][-1], sockets={"CLOSE_WAIT": 1})
    assert failed_checks(result) == [
        "each exchange ended with a result or a typed error",
        "the server's log has no traceback",
        "closed clients hold no connection",
    ]
    result.crashes.append("the client process exited with 1")
    assert "the client process exited with 1, stream, KeyError" in leak_check.evaluate(result).as_text()


def test_process_metrics_count_descriptors_and_memory() -> None:
    metrics = ProcessMetrics(os.getpid())
    before = metrics.read(0.0)
    with Path(__file__).open() as one, Path(__file__).open() as other:
        held = metrics.read(1.0)
    assert before is not None
    assert held is not None
    assert held.descriptors == before.descriptors + 2, (one, other)
    assert held.memory > 1
    over = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    metrics = ProcessMetrics(over.pid)
    over.communicate()
    assert metrics.read(0.0) is None


def test_plot_has_a_line_for_each_process_and_quantity(soak_result: Result) -> None:
    picture = ElementTree.fromstring(plot.draw(soak_result))  # noqa: S314 - our own
    lines = [element for element in picture.iter() if element.tag.endswith("polyline")]
    drawn = [quantity for quantity in QUANTITIES if quantity.name != "half-closed sockets"]
    assert len(lines) == 2 * len(drawn)
    for line in lines:
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) >= 20
        assert points == sorted(points, key=lambda point: point[0])
        assert all(120 <= right <= 570 and 50 < down < 430 for right, down in points)


def test_soak_json_has_every_sample(soak_result: Result) -> None:
    document = msgspec.json.decode(leak_check.as_json(soak_result, leak_check.evaluate(soak_result)))
    assert document["passed"] is True
    assert len(document["samples"]["mock"]) == len(soak_result.samples["mock"])
    assert document["samples"]["client"][0]["memory"] > 1


def test_allowance_is_the_greater_of_share_and_minimum() -> None:
    quantity = Quantity("memory", "MiB", lambda sample: sample.memory, 0.05, 4.0)
    assert (quantity.allowance(10), quantity.allowance(200)) == (4.0, 10.0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--minutes", "0"], "more than 0"),
        (["--minutes", "inf"], "more than 0"),
        (["--concurrency", "2"], "at least 3"),
        (["--leak", "tears"], "invalid choice"),
        (["--plot", "no/such/folder/plot.svg"], "there is no folder"),
    ],
)
def test_soak_usage_error_exits_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        soak.main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_interrupted_soak_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(soak.__file__)), "--minutes", "0.2"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("64 streams and calls at once")
        assert "exchanges; client" in run.stdout.readline()
        started = psutil.Process(run.pid).children(recursive=True)
        assert len(started) == 2
        run.send_signal(signal.SIGTERM)
        _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors) == (130, "soak: interrupted; all processes are stopped\n")
    assert not [process for process in started if process.is_running()]
    assert list(tmp_path.iterdir()) == []
