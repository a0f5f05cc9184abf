"""The bench at work: its server, clients that read from it, cases that come to grief, and an end in good order."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bench
import pytest
from benchmarks import (
    async_streams,
    calls,
    cores,
    groups,
    markdown,
    measuring,
    payloads,
    raw_clients,
    records,
    serving,
    streams,
)
from benchmarks.groups import Case, Claim, Group
from benchmarks.measuring import Results
from benchmarks.payloads import Order

Command = Callable[..., int]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving.serving(None) as served:
        yield served


def program(name: str, code: str) -> Case:
    return Case(name, (sys.executable, "-c", code))


def case_group(*cases: Case) -> Group:
    return Group("group", "", "us/event", cases, (Claim("one", "two"),))


@pytest.mark.parametrize("client", ["aurous", "raw socket", "httpx-sse"])
def test_a_thread_reads_all_that_is_sent(url: str, client: str) -> None:
    order = Order(300, 0)
    with streams.CLIENTS[client](url) as read:
        assert [read(order.model), read(order.model)] == [(order.events, order.characters)] * 2


@pytest.mark.parametrize("client", ["aurous", "aurous on httpx", "raw asyncio", "httpx-sse"])
def test_coroutines_read_all_that_is_sent(url: str, client: str) -> None:
    order = Order(50, 0.001)

    async def work() -> list[streams.Tally]:
        async with async_streams.CLIENTS[client](url) as read:
            return list(await asyncio.gather(*(read(order.model) for _ in range(8))))

    assert asyncio.run(work()) == [(order.events, order.characters)] * 8


def test_calls_are_answered(url: str) -> None:
    with calls.CLIENTS["aurous"](url) as ask:
        assert [len(ask() or "") for _ in range(3)] == [payloads.answer_length()] * 3


def test_as_many_streams_as_are_asked_for_are_served_at_once(url: str) -> None:
    order = Order(2_000, 0)
    socks = [socket.create_connection(raw_clients.address(url)) for _ in range(256)]
    try:
        for sock in socks:
            sock.sendall(raw_clients.request(url, order.model))
        # All have begun before any is read to its end, which is more than the kernel keeps for a connection.
        begun = [sock.recv(16) for sock in socks]
        assert begun == [payloads.STREAM_HEAD[:16]] * 256
        rest = b"".join(payloads.stream(order.events))[16:]
        for sock in (socks[0], socks[-1]):
            sock.settimeout(30)
            with sock.makefile("rb") as file:
                assert file.read(len(rest)) == rest
    finally:
        for sock in socks:
            sock.close()


def test_paced_events_take_their_time(url: str) -> None:
    order = Order(6, 0.02)
    reader = raw_clients.Lines()
    began = time.monotonic()
    with socket.create_connection(raw_clients.address(url)) as sock:
        sock.sendall(raw_clients.request(url, order.model))
        count = 0
        while count < order.events + 1:
            count += len([line for line in reader.feed(sock.recv(raw_clients.PIECE)) if line])
    # A busy machine may be late; it cannot be too early.
    assert time.monotonic() - began >= order.pace * (order.events - 1)


def test_the_watch_knows_how_busy_the_server_was(url: str) -> None:
    with streams.CLIENTS["raw socket"](url) as read, serving.timed(url) as watch:
        read(Order(5_000, 0).model)
    assert 0 < watch.server <= watch.wall
    assert watch.cpu > 0


def test_the_server_ends_with_whoever_started_it() -> None:
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, cwd=serving.SCRIPTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        assert int(server.stdout.readline()) > 0
        server.stdin.close()
        assert server.wait(timeout=30) == 0


def test_a_case_that_fails_is_told_of_and_the_others_go_on() -> None:
    group = case_group(
        program("one", 'print(\'{"figure": 2.0, "server_share": 0.5}\')'),
        program("two", "raise ValueError('no such thing')"),
        program("three", 'print(\'{"missing": "three is not installed"}\')'),
        program("four", "raise SystemExit(3)"),
    )
    results = measuring.measure((group,), "http://127.0.0.1:9", None, rounds=2, tell=lambda _: None)
    assert list(results.series["group"]) == ["one"]
    assert results.series["group"]["one"].median == 2
    assert results.series["group"]["one"].server_share == 0.5
    assert results.missing == {("group", "three"): "three is not installed"}
    assert results.failed == {
        ("group", "two"): "ValueError: no such thing",
        ("group", "four"): "it ended with code 3 and no word",
    }


def test_cases_know_nothing_of_proxies_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "AUROUS_BASE_URL", "OPENAI_BASE_URL", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    code = "import json, os; print(json.dumps({'missing': ' '.join(sorted(os.environ))}))"
    results = measuring.measure((case_group(program("one", code)),), "", None, rounds=1, tell=lambda _: None)
    seen = results.missing["group", "one"].upper().split()
    assert "PATH" in seen
    assert not {"HTTP_PROXY", "HTTPS_PROXY", "AUROUS_BASE_URL", "OPENAI_BASE_URL", "PYTHONWARNINGS"} & set(seen)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs bench.py's main with some arguments, on whatever core this process has: its exit code."""
    monkeypatch.setattr(cores, "chosen", lambda: (None, None))
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["bench.py", *arguments])
        return bench.main()

    return run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--record", "--only", "call"], "--record is of all groups"),
        (["--record", "--quick"], "--record is of all groups"),
        (["--record", "--check"], "not allowed with"),
        (["--rounds", "0"], "--rounds must be 1 or more"),
        (["--json", "no/such/folder"], "--json no/such/folder: No such file or directory"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        command(*arguments)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_a_group_that_is_none_is_refused_in_one_line(command: Command) -> None:
    with pytest.raises(SystemExit, match=r"^bench: no group is called nothing; there are stream, "):
        command("--only", "nothing")


def test_ctrl_c_ends_the_server_too(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []

    def interrupted(groups: object, url: str, core: object, **_: object) -> Results:
        served.append(url)
        socket.create_connection(raw_clients.address(url), timeout=10).close()
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "measure", interrupted)
    assert command("--only", "call") == 130
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(raw_clients.address(served[0]), timeout=10)


def measured(cost: float) -> Callable[..., Results]:
    """Stands for `measure`: calls have cost openai so much."""
    told = {"aurous": [1.0, 1.0], "openai": [cost, cost], "httpx": [0.5, 0.5]}
    series = {
        name: measuring.Series(tuple(measuring.Sample(figure) for figure in figures)) for name, figures in told.items()
    }
    return lambda *_, **__: Results(series={"call": series})


@pytest.mark.parametrize(("openai", "code"), [(13.0, 0), (11.0, 1)])
def test_a_check_fails_on_a_loss(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    openai: float,
    code: int,
) -> None:
    monkeypatch.setattr(records, "RATIOS", tmp_path / "RATIOS.json")
    monkeypatch.setattr(measuring, "measure", measured(15.0))
    assert command("--only", "call", "--json", str(records.RATIOS)) == 0
    assert json.loads(records.RATIOS.read_text())["groups"]["call"]["ratios"]["openai / aurous"] == 15
    monkeypatch.setattr(measuring, "measure", measured(openai))
    capsys.readouterr()
    assert command("--only", "call", "--check") == code
    assert ("call: openai / aurous was 15.00x and is 11.00x, a loss of 27%" in capsys.readouterr().out) is bool(code)


def test_a_record_for_which_the_readme_has_no_place_is_refused_before_it_is_made(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# README\n")
    monkeypatch.setattr(records, "README", readme)
    monkeypatch.setattr(measuring, "measure", lambda *_, **__: pytest.fail("it was measured"))
    with pytest.raises(SystemExit, match=r"^bench: the README has no table between <!-- written by "):
        command("--record")


def test_a_record_is_figures_picture_and_table(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{markdown.BEGIN}old\n{markdown.END}after\n")
    monkeypatch.setattr(records, "RATIOS", tmp_path / "RATIOS.json")
    monkeypatch.setattr(records, "PICTURE", tmp_path / "speed.svg")
    monkeypatch.setattr(records, "README", readme)
    monkeypatch.setattr(measuring, "measure", measured(15.0))
    monkeypatch.setattr(groups, "GROUPS", groups.named(["call"]))
    assert command("--record") == 0
    assert records.read()["groups"]["call"]["cases"]["openai"]["median"] == 15
    assert "openai 15x" in records.PICTURE.read_text()
    lines = readme.read_text().splitlines()
    assert "old" not in lines
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "openai 15 ±0%: **15x**" in readme.read_text()
