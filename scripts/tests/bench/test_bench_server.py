"""The benchmark server, clients that read from it, failing cases, and the command line."""

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
    measurement,
    payloads,
    raw_clients,
    records,
    server_process,
    streams,
)
from benchmarks.groups import Case, Claim, Group
from benchmarks.measurement import Results, Rounds
from benchmarks.payloads import StreamSpec
from marked_section import END

Command = Callable[..., int]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server_process.run_server(None) as served:
        yield served


def program(name: str, code: str) -> Case:
    return Case(name, (sys.executable, "-c", code))


def case_group(*cases: Case) -> Group:
    return Group("group", "", "us/event", cases, (Claim("one", "two"),))


@pytest.mark.parametrize("client", ["aurous", "raw socket", "httpx-sse"])
def test_sync_client_reads_every_event(url: str, client: str) -> None:
    spec = StreamSpec(300, 0)
    with streams.CLIENTS[client](url) as read:
        assert [read(spec.model), read(spec.model)] == [(spec.events, spec.characters)] * 2


@pytest.mark.parametrize("client", ["aurous", "aurous on httpx", "raw asyncio", "httpx-sse"])
def test_async_client_reads_every_event(url: str, client: str) -> None:
    spec = StreamSpec(50, 0.001)

    async def work() -> list[streams.ReadCount]:
        async with async_streams.CLIENTS[client](url) as read:
            return list(await asyncio.gather(*(read(spec.model) for _ in range(8))))

    assert asyncio.run(work()) == [(spec.events, spec.characters)] * 8


def test_benchmark_server_answers_calls(url: str) -> None:
    with calls.CLIENTS["aurous"](url) as create:
        assert [len(create() or "") for _ in range(3)] == [payloads.answer_length()] * 3


def test_benchmark_server_serves_256_streams_at_once(url: str) -> None:
    spec = StreamSpec(2_000, 0)
    socks = [socket.create_connection(raw_clients.address(url)) for _ in range(256)]
    try:
        for sock in socks:
            sock.sendall(raw_clients.request(url, spec.model))
        # All have begun before any is read to its end, and each is larger than the socket buffers.
        first_bytes = [sock.recv(16) for sock in socks]
        assert first_bytes == [payloads.STREAM_HEAD[:16]] * 256
        rest = b"".join(payloads.stream(spec.events))[16:]
        for sock in (socks[0], socks[-1]):
            sock.settimeout(30)
            with sock.makefile("rb") as file:
                assert file.read(len(rest)) == rest
    finally:
        for sock in socks:
            sock.close()


def test_paced_stream_is_not_early(url: str) -> None:
    spec = StreamSpec(6, 0.02)
    reader = raw_clients.Lines()
    began = time.monotonic()
    with socket.create_connection(raw_clients.address(url)) as sock:
        sock.sendall(raw_clients.request(url, spec.model))
        count = 0
        while count < spec.events + 1:
            count += len([line for line in reader.feed(sock.recv(raw_clients.PIECE)) if line])
    # A busy machine may be late; it cannot be too early.
    assert time.monotonic() - began >= spec.pace * (spec.events - 1)


def test_stopwatch_includes_the_servers_cpu_time(url: str) -> None:
    with streams.CLIENTS["raw socket"](url) as read, server_process.timed(url) as watch:
        read(StreamSpec(5_000, 0).model)
    assert 0 < watch.server <= watch.wall
    assert watch.cpu > 0


def test_benchmark_server_exits_with_its_parent() -> None:
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, cwd=server_process.SCRIPTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        assert int(server.stdout.readline()) > 0
        server.stdin.close()
        assert server.wait(timeout=30) == 0


def test_failed_case_is_reported_and_others_continue() -> None:
    group = case_group(
        program("one", 'print(\'{"figure": 2.0, "server_share": 0.5}\')'),
        program("two", "raise ValueError('no such value')"),
        program("three", 'print(\'{"missing": "three is not installed"}\')'),
        program("four", "raise SystemExit(3)"),
    )
    results = measurement.measure((group,), "http://127.0.0.1:9", None, rounds=Rounds(2, 2), on_progress=lambda _: None)
    assert list(results.series["group"]) == ["one"]
    assert results.series["group"]["one"].median == 2
    assert results.series["group"]["one"].server_share == 0.5
    assert results.missing == {("group", "three"): "three is not installed"}
    assert results.failed == {
        ("group", "two"): "ValueError: no such value",
        ("group", "four"): "it ended with code 3 and no output",
    }


def test_cases_run_without_proxy_and_key_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "AUROUS_BASE_URL", "OPENAI_BASE_URL", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    code = "import json, os; print(json.dumps({'missing': ' '.join(sorted(os.environ))}))"
    results = measurement.measure(
        (case_group(program("one", code)),), "", None, rounds=Rounds(1, 1), on_progress=lambda _: None
    )
    seen = results.missing["group", "one"].upper().split()
    assert "PATH" in seen
    assert not {"HTTP_PROXY", "HTTPS_PROXY", "AUROUS_BASE_URL", "OPENAI_BASE_URL", "PYTHONWARNINGS"} & set(seen)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs bench.py's main with some arguments, on whatever core this process has: its exit code."""
    monkeypatch.setattr(cores, "choose", lambda: (None, None))
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["bench.py", *arguments])
        return bench.main()

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--record", "--only", "call"], "--record needs all groups"),
        (["--record", "--quick"], "--record needs all groups"),
        (["--record", "--check"], "not allowed with"),
        (["--rounds", "0"], "--rounds must be 1 or more"),
        (["--json", "no/such/folder"], "there is no folder no/such for folder"),
    ],
)
def test_bench_usage_error_exits_2(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as end:
        command(*arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_unknown_group_is_refused_on_one_line(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--only", "nothing") == 2
    assert capsys.readouterr().err.startswith("bench: no group is called nothing; choose from stream, ")


def test_interrupted_bench_stops_its_server(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []

    def interrupted(groups: object, url: str, core: object, **_: object) -> Results:
        served.append(url)
        socket.create_connection(raw_clients.address(url), timeout=10).close()
        raise KeyboardInterrupt

    monkeypatch.setattr(measurement, "measure", interrupted)
    assert command("--only", "call") == 130
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(raw_clients.address(served[0]), timeout=10)


def measured(cost: float) -> Callable[..., Results]:
    """A substitute for `measure` in which calls of openai cost so much."""
    output = {"aurous": [1.0, 1.0], "openai": [cost, cost], "httpx": [0.5, 0.5]}
    series = {
        name: measurement.Series(tuple(measurement.Sample(figure) for figure in figures))
        for name, figures in output.items()
    }
    results = Results(series={"call": series}, rounds={"call": 2})

    def measure(
        groups: tuple[Group, ...], *_: object, on_group: Callable[[Group, Results], None], **__: object
    ) -> Results:
        for group in groups:
            on_group(group, results)
        return results

    return measure


@pytest.mark.parametrize(("openai", "code"), [(13.0, 0), (11.0, 1)])
def test_bench_check_fails_on_a_regression(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    openai: float,
    code: int,
) -> None:
    monkeypatch.setattr(records, "RATIOS", tmp_path / "RATIOS.json")
    monkeypatch.setattr(measurement, "measure", measured(15.0))
    assert command("--only", "call", "--json", str(records.RATIOS)) == 0
    assert json.loads(records.RATIOS.read_text())["groups"]["call"]["ratios"]["openai / aurous"] == 15
    monkeypatch.setattr(measurement, "measure", measured(openai))
    capsys.readouterr()
    assert command("--only", "call", "--check") == code
    assert ("call: openai / aurous was 15.00x and is 11.00x, 27% worse" in capsys.readouterr().out) is bool(code)


@pytest.mark.slow
def test_record_without_a_place_in_the_readme_is_refused_before_measuring(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# README\n")
    monkeypatch.setattr(records, "README", readme)
    monkeypatch.setattr(measurement, "measure", lambda *_, **__: pytest.fail("it was measured"))
    assert command("--record") == 2
    assert capsys.readouterr().err.startswith("bench: README.md: there is no single place between <!-- written by ")


@pytest.mark.slow
def test_record_writes_ratios_plot_and_table(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{markdown.SECTION.begin}old\n{END}after\n")
    monkeypatch.setattr(records, "RATIOS", tmp_path / "RATIOS.json")
    monkeypatch.setattr(records, "PICTURE", tmp_path / "speed.svg")
    monkeypatch.setattr(records, "README", readme)
    monkeypatch.setattr(measurement, "measure", measured(15.0))
    monkeypatch.setattr(groups, "GROUPS", groups.select(["call"]))
    assert command("--record") == 0
    assert records.read()["groups"]["call"]["cases"]["openai"]["median"] == 15
    assert "openai 15x" in records.PICTURE.read_text()
    lines = readme.read_text().splitlines()
    assert "old" not in lines
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "openai 15 ±0%: **15x**" in readme.read_text()
