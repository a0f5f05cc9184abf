"""Mock processes start, restart on their port and end with their block, whatever ends it; so do other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from testkit import processes, sockets
from testkit.conditions import PATIENCE, eventually
from testkit.mock_process import MockProcess, NotStartedError

SOURCE_ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_restarted_mock_keeps_its_port_and_its_log_and_ends_with_its_block() -> None:
    mock = MockProcess()

    def restart() -> None:
        pid, url = mock.pid, mock.url
        assert mock.ledger() == []
        # A request is logged after its response.
        eventually(lambda: mock.log)
        mock.restart()
        assert (mock.url, mock.pid == pid) == (url, False)
        mock.ledger().missing  # type: ignore[attr-defined]  # noqa: B018

    with pytest.raises(AttributeError), mock:
        restart()
    assert not mock.is_running
    assert mock.log.count("GET /_mock/ledger 200") == 2


def test_mock_that_does_not_start_raises_with_its_log() -> None:
    mock = MockProcess("--frobnicate")
    with pytest.raises(NotStartedError, match="--frobnicate"):
        mock.start()
    assert not mock.is_running


def test_mock_stopped_during_its_start_does_not_run_on() -> None:
    mock = MockProcess()
    errors: list[Exception] = []

    def start() -> None:
        try:
            mock.start()
        except (NotStartedError, ValueError) as error:
            errors.append(error)

    mock.stop()
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert [str(error) for error in errors] == ["the mock server was stopped"]


@pytest.mark.parametrize(
    ("handler", "end"),
    [("signal.SIG_DFL", signal.SIGTERM), ("signal.SIG_IGN", signal.SIGKILL)],
    ids=["asked", "killed"],
)
def test_process_is_asked_to_end_and_then_killed(handler: str, end: signal.Signals) -> None:
    program = f"import signal; signal.signal(signal.SIGTERM, {handler}); print('ready', flush=True); signal.pause()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    processes.stop(process, grace=30 if end is signal.SIGTERM else 0)
    assert process.returncode == -end
    assert process.stdout.closed


@pytest.mark.parametrize(
    "flags", ["", pytest.param("--workers 2 --state state.db", marks=pytest.mark.slow)], ids=["one", "workers"]
)
def test_mock_ends_with_the_process_that_started_it_even_if_that_is_killed(flags: str, tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys; from testkit.mock_process import MockProcess\n"
        "with MockProcess(*sys.argv[1:], cwd=pathlib.Path()) as mock: print(mock.url, flush=True); signal.pause()"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, *flags.split()],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        sockets.connect(url, PATIENCE).close()
        process.kill()

    def is_gone() -> bool:
        try:
            sockets.connect(url, PATIENCE).close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(is_gone)
