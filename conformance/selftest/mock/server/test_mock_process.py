"""The mock as a process: what it prints, its exits, its log, its signals."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from aurous_mock import log, request_log
from aurous_mock.server import launcher, uvicorn_server
from aurous_mock.server.cli import read
from aurous_mock.server.launcher import running
from aurous_mock.server.serving import introduction
from aurous_mock.server.uvicorn_server import Server
from aurous_mock.server.workers import RespawnBackoff
from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM, Settings
from mockkit import CREATE, OTHER_KEY, SOURCE, VERSION, chat, data_lines, failing, first_id, frames, http, long_chat
from testkit.conditions import PATIENCE, eventually
from testkit.mock_process import MockProcess, run_mock
from testkit.sockets import connect

KEY = {"X-Api-Key": DEFAULT_KEY, "Aurous-Version": VERSION}


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_server_prints_its_address_and_ends_cleanly(number: signal.Signals) -> None:
    with MockProcess() as mock:
        response = http.post(mock.url + CREATE, json=chat(), headers=KEY)
        assert response.status_code == 200
        os.kill(mock.pid, number)
        assert mock.wait() == 0
        assert [line.split()[:2] for line in mock.output.splitlines()] == [
            ["base", "URL"],
            ["API", "key"],
            ["help", "aurous-mock"],
        ]
        assert f"{mock.url}/v1 " in mock.output
        assert DEFAULT_KEY in mock.output
        (line,) = mock.log.splitlines()
        request_id, method, path, status, *_ = line.split()
        assert (request_id, method, path, status) == (response.headers["aurous-request-id"], "POST", CREATE, "200")


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ([DEFAULT_KEY], DEFAULT_KEY),
        ([OTHER_KEY], "one of --api-key or --team-key"),
        ([DEFAULT_KEY, OTHER_KEY], f"{DEFAULT_KEY}, or one of --api-key or --team-key"),
    ],
)
def test_introduction_shows_no_key_but_the_well_known_one(keys: list[str], shown: str) -> None:
    lines = introduction(Settings(keys=dict.fromkeys(keys, DEFAULT_TEAM)), "http://127.0.0.1:8080")
    assert f"  API key   {shown}" in lines


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"aurous-mock {version('aurous-labs')}\n"


def test_log_shows_no_key_and_no_error_for_a_disconnect() -> None:
    head = f"POST {CREATE} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {DEFAULT_KEY}\r\nContent-Type: application/json\r\n"
    with MockProcess() as mock:
        http.get(f"{mock.url}/v1/chat/completions/{DEFAULT_KEY}?key={DEFAULT_KEY}", headers=KEY)
        http.get(f"{mock.url}/v1/models", headers={"Authorization": f"Bearer {DEFAULT_KEY}"})
        with connect(mock.url, PATIENCE) as leaving:
            leaving.sendall(f"{head}Content-Length: 9\r\n\r\n{{".encode())
        eventually(lambda: len(mock.log.splitlines()) >= 3)
        mock.terminate()
        mock.wait()
    assert len(mock.log.splitlines()) == 3
    assert DEFAULT_KEY not in mock.log
    assert f"POST {CREATE} 0 " in mock.log


async def send_slowly(url: str, pace: float, signal_server: Callable[[], object]) -> httpx.Response:
    """The response to a call that is under way when the server gets a signal."""
    async with httpx.AsyncClient(headers=KEY, timeout=PATIENCE, verify=False) as client:
        slow = {"Aurous-Mock-Fault": f"pace={pace}"}
        before = (await client.get(url + "/v1/balance")).json()["held_credits"]
        call = asyncio.create_task(client.post(url + CREATE, json=chat(max_tokens=10), headers=slow))
        while (await client.get(url + "/v1/balance")).json()["held_credits"] == before and not call.done():
            await asyncio.sleep(0)
        signal_server()
        return await call


def closed_stream() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed_stream()], ids=["none", "closed"])
def test_log_that_cannot_be_written_fails_no_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stream: io.StringIO | None
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    with running(access_log=True) as mock, connect(mock.url, PATIENCE) as connection:
        assert [http.get(f"{mock.url}/v1/models").status_code, http.get(f"{mock.url}/nowhere").status_code] == [
            401,
            401,
        ]
        connection.sendall(b"no HTTP\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 400"
        failing = RuntimeError("of a handler")
        log.write_traceback(failing)
        request_log.warn("of a request")
    # A closed or missing one is not replaced by standard output.
    assert capsys.readouterr().out == ""


def test_signal_ends_streams_with_a_cancel_frame_and_calls_are_completed() -> None:
    with MockProcess("--tokens-per-second", "50") as mock:
        with http.stream("POST", mock.url + CREATE, json=long_chat(), headers=KEY) as stream:
            lines = stream.iter_lines()
            first_id(lines)
            response = asyncio.run(send_slowly(mock.url, 20, mock.terminate))
            rest = frames("\n".join(lines))
        assert (response.status_code, response.json()["status"]) == (200, "completed")
        assert rest[-1]["choices"][0]["finish_reason"] == "cancelled"
        assert rest[-1]["usage"]["credits_charged"] > 0
        assert mock.wait() == 0


def check_is_envelope(response: httpx.Response) -> None:
    error = response.json()["error"]
    assert (response.status_code, response.headers["retry-after"], error["type"]) == (503, "1", "server_error")
    assert error["request_id"] == response.headers["aurous-request-id"]


def check_is_uncharged(url: str) -> None:
    assert http.get(url + "/v1/balance", headers=KEY).json()["held_credits"] == 0
    assert http.get(url + "/_mock/ledger").json()["charges"] == []


def test_call_longer_than_the_grace_gets_the_envelope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "Server", partial(Server, grace=0.1))
    # A busy machine may take its time to cancel the call.
    monkeypatch.setattr(uvicorn_server, "_CANCEL_SECONDS", PATIENCE)
    state = str(tmp_path / "state.db")
    with running(state=state) as mock:
        check_is_envelope(asyncio.run(send_slowly(mock.url, 0.001, lambda: setattr(mock.server, "should_exit", True))))
    with running(state=state) as mock:
        check_is_uncharged(mock.url)


@pytest.mark.slow
def test_call_longer_than_the_grace_of_a_process_gets_the_envelope(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    with MockProcess(*state) as mock:
        check_is_envelope(asyncio.run(send_slowly(mock.url, 0.001, mock.terminate)))
        assert mock.wait() == 0
        assert "Traceback" not in mock.log
    with MockProcess(*state) as mock:
        check_is_uncharged(mock.url)


def test_workers_that_keep_dying_are_replaced_ever_later() -> None:
    now = 0.0
    backoff = RespawnBackoff(lambda: now)
    delays = []
    for _ in range(10):
        delays.append(backoff.fail())
        assert backoff.is_due == (delays[-1] == 0)
        now += delays[-1]
        assert backoff.is_due
        backoff.start()
    assert delays == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    now += 60
    assert backoff.fail() == 0


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--port", "70000"], "--port"),
        (["--port", "many"], "--port"),
        (["--frobnicate"], "--frobnicate"),
        (["--cred", "5"], "--cred"),
        (["--credits", "lots"], "--credits"),
        (["--credits", "1e999999"], "--credits"),
        (["--team-key", "nonsense"], "--team-key"),
        (["--upstream", "localhost"], "--upstream"),
        (["--upstream", "http://127.0.0.1:9/v1?version=1"], "--upstream"),
        (["--upstream", "http://127.0.0.1:9/v1", "--upstream-key", "schlüssel"], "--upstream-key"),
        (["--upstream", "http://../v1"], "--upstream"),
        (["--host", ""], "--host"),
        (["--team-key", "a=al_live_1", "--team-key", "b=al_live_1"], "--team-key"),
        (["--workers", "2"], "--state"),
        (["--workers", "257"], "at most 256"),
        (["--workers", "9" * 5000], "--workers"),
        (["--durability", "fast"], "--state"),
        (["--durability", "most", "--state", "x.db"], "--durability"),
        (["--retain", "soon"], "--retain"),
        (["--max-concurrent", "0"], "--max-concurrent"),
        (["--tpm", "9" * 400, "--host", "203.0.113.7"], "--tpm"),
        (["--no-default-key"], "--api-key"),
        (["--spec", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (["--spec", str(SOURCE / "conftest.py")], "contract"),
        (["--state", "/nonexistent/state.db"], "/nonexistent/state.db"),
        (["--state", "/"], "state"),
        (["--workers", "2", "--state", "/nonexistent/state.db"], "/nonexistent/state.db"),
        (
            ["--state", "mysql://u:p@h/db"],
            "mysql://***: it takes a SQLite file, or a PostgreSQL database as postgresql:/",
        ),
        (["--state", "postgres://u:p@h/db"], "postgres://***: it takes a SQLite file, or a PostgreSQL database as "),
        (["--state", "postgresql+asyncpg://u:p@h/db"], "postgresql+asyncpg://***: it takes a SQLite file, or "),
        (["--state", "postgresql+none://u:p@h/db"], "postgresql+none://u:***@h/db"),
        (["--host", "203.0.113.7"], "203.0.113.7"),
    ],
)
def test_invalid_settings_print_one_line_and_exit_2(
    flags: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert word in failing(capsys, *flags)


def test_invalid_settings_in_a_process_print_one_line_and_exit_2() -> None:
    ended = run_mock("--cred", "5")
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("aurous-mock: ")
    assert "--cred" in line


def test_state_file_that_is_no_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state.db"
    state.write_text("This is a letter to a friend, not a database. " * 100)
    assert str(state) in failing(capsys, "--state", str(state))


def test_missing_driver_of_a_state_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    line = failing(capsys, "--state", "postgresql://u:p@h/db")
    assert "psycopg is missing; for postgresql://" in line
    assert "pip install 'aurous-labs[mock-postgres]'" in line


def test_password_of_a_state_url_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    line = failing(capsys, "--state", "postgresql+psycopg://mock:sesame@127.0.0.1:9/none")
    assert "sesame" not in line


def test_port_in_use_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in failing(capsys, "--port", str(port))


def test_flags_become_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUROUS_MOCK_API_KEY", "from-the-environment")
    settings = read(["--api-key", "one", "--api-key", "two", "--team-key", f"other={OTHER_KEY}", "--credits", "1.5"])
    assert settings.keys == {
        DEFAULT_KEY: DEFAULT_TEAM,
        "from-the-environment": DEFAULT_TEAM,
        "one": DEFAULT_TEAM,
        "two": DEFAULT_TEAM,
        OTHER_KEY: "other",
    }
    assert settings.credits == 1_500_000
    assert DEFAULT_KEY not in read(["--no-default-key"]).keys


def test_help_explains_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    from aurous_mock.http import faults

    with pytest.raises(SystemExit) as ended:
        read(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in faults.DIRECTIVES)
    assert "/_mock/ledger" in shown


def test_pace_and_first_token_delay_are_settings() -> None:
    pace = read(["--tokens-per-second", "100", "--first-token", "0.1"]).pace
    with running(pace=pace) as mock:
        response = http.post(mock.url + CREATE, json=chat(max_tokens=10), headers=KEY)
        assert response.elapsed.total_seconds() >= 0.2
        streamed = http.post(mock.url + CREATE, json=chat(max_tokens=10, stream=True), headers=KEY)
        assert streamed.elapsed.total_seconds() >= 0.1
        assert data_lines(streamed.text)[-1] == "[DONE]"


def test_start_imports_neither_heavy_packages_nor_a_client() -> None:
    heavy = {"sqlalchemy", "httpx", "pydantic", "hypothesis", "aurous", "aurous_client"}
    modules = "aurous_mock.server.uvicorn_server, aurous_mock.server.cli"
    script = f"import sys, {modules}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert not heavy & set(done.stdout.split())


def test_no_module_names_a_client_package() -> None:
    for module in (SOURCE / "aurous_mock").glob("*.py"):
        for line in module.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] not in ("aurous", "aurous_client"), module


def test_missing_package_is_reported_in_one_line() -> None:
    # As in an environment that has the wheel and not its extra.
    hidden = "import sys; sys.modules['orjson'] = None; from aurous_mock.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 2
    assert done.stderr == "aurous-mock: orjson is missing; run: pip install 'aurous-labs[mock]'\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_mock_serves_where_it_cannot_print_its_address() -> None:
    command = [sys.executable, "-m", "aurous_mock", "--port", "0"]
    with open("/dev/full", "w") as full:
        mock = subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert mock.stderr is not None
        problem, url = mock.stderr.readline().strip().split("; listening on ")
        assert problem == "aurous-mock: cannot write to standard output (No space left on device)"
        assert http.get(f"{url}/v1/models", headers=KEY).status_code == 200
        mock.terminate()
        _, log_lines = mock.communicate(timeout=PATIENCE)
        assert (mock.returncode, "Traceback" in log_lines) == (0, False)
    finally:
        mock.kill()
        mock.communicate()
