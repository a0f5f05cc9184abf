"""The mock as a process: what it prints, its exits, its log, its signals."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from aurous_mock.server import cli
from aurous_mock.server.cli import read
from aurous_mock.server.serving import introduction
from aurous_mock.server.workers import RespawnBackoff
from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM, Settings
from mockkit import CREATE, OTHER_KEY, SOURCE, VERSION, chat, data_lines, first_id, frames, http, long_chat
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


def test_introduction_shows_no_key_but_the_well_known_one() -> None:
    shown = "\n".join(introduction(Settings(keys={OTHER_KEY: "other"}), "http://127.0.0.1:8080"))
    assert OTHER_KEY not in shown
    assert "--api-key" in shown


def test_abbreviated_flag_is_refused() -> None:
    ended = run_mock("--cred", "5")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--cred" in ended.stderr


def test_log_never_shows_a_key() -> None:
    with MockProcess() as mock:
        http.get(f"{mock.url}/v1/chat/completions/{DEFAULT_KEY}?key={DEFAULT_KEY}", headers=KEY)
        http.get(f"{mock.url}/v1/models", headers={"Authorization": f"Bearer {DEFAULT_KEY}"})
        mock.terminate()
        mock.wait()
    assert len(mock.log.splitlines()) == 2
    assert DEFAULT_KEY not in mock.log


def test_disconnect_during_a_request_is_no_error_in_the_log() -> None:
    head = f"POST {CREATE} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {DEFAULT_KEY}\r\nContent-Type: application/json\r\n"
    with MockProcess() as mock:
        with connect(mock.url, PATIENCE) as leaving:
            leaving.sendall(f"{head}Content-Length: 9\r\n\r\n{{".encode())
        eventually(lambda: mock.log)
        mock.terminate()
        mock.wait()
    (line,) = mock.log.splitlines()
    assert f"POST {CREATE} 0 " in line


def test_signal_ends_streams_with_a_cancel_frame() -> None:
    with MockProcess("--tokens-per-second", "50") as mock:
        with http.stream("POST", mock.url + CREATE, json=long_chat(), headers=KEY, timeout=PATIENCE) as response:
            lines = response.iter_lines()
            first_id(lines)
            mock.terminate()
            rest = frames("\n".join(lines))
        assert rest[-1]["choices"][0]["finish_reason"] == "cancelled"
        assert rest[-1]["usage"]["credits_charged"] > 0
        assert mock.wait() == 0


def post_slowly(mock: MockProcess, pace: float) -> httpx.Response:
    """A call that is under way when the server gets SIGTERM."""

    async def scenario() -> httpx.Response:
        async with httpx.AsyncClient(headers=KEY, timeout=PATIENCE, verify=False) as client:
            slow = {"Aurous-Mock-Fault": f"pace={pace}"}
            call = asyncio.create_task(client.post(mock.url + CREATE, json=chat(max_tokens=10), headers=slow))
            while (await client.get(mock.url + "/v1/balance")).json()["held_credits"] == 0:
                await asyncio.sleep(0)
            mock.terminate()
            return await call

    return asyncio.run(scenario())


def test_call_under_way_at_a_signal_is_completed() -> None:
    with MockProcess() as mock:
        response = post_slowly(mock, 20)
        assert (response.status_code, response.json()["status"]) == (200, "completed")
        assert mock.wait() == 0


@pytest.mark.parametrize(
    "with_state", [pytest.param(False, marks=pytest.mark.slow, id="memory"), pytest.param(True, id="sqlite")]
)
def test_call_longer_than_the_grace_gets_the_envelope(tmp_path: Path, with_state: bool) -> None:
    state = ("--state", str(tmp_path / "state.db")) if with_state else ()
    with MockProcess(*state) as mock:
        response = post_slowly(mock, 0.001)
        error = response.json()["error"]
        assert (response.status_code, response.headers["retry-after"], error["type"]) == (503, "1", "server_error")
        assert error["request_id"] == response.headers["aurous-request-id"]
        assert mock.wait() == 0
        assert "Traceback" not in mock.log
    if with_state:
        with MockProcess(*state) as mock:
            assert http.get(mock.url + "/v1/balance", headers=KEY).json()["held_credits"] == 0
            assert http.get(mock.url + "/_mock/ledger").json()["charges"] == []


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


def failing(*flags: str) -> str:
    """The one line that flags which cannot work are answered with."""
    ended = run_mock(*flags)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("aurous-mock: ")
    return line


def failing_here(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The same, by a server that is not a process of its own."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--port", "0", *flags])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("aurous-mock: ")
    return str(line)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--port", "70000"], "--port"),
        (["--port", "many"], "--port"),
        (["--frobnicate"], "--frobnicate"),
        (["--credits", "lots"], "--credits"),
        (["--team-key", "nonsense"], "--team-key"),
        (["--upstream", "localhost"], "--upstream"),
        (["--workers", "2"], "--state"),
        (["--durability", "fast"], "--state"),
        (["--durability", "most", "--state", "x.db"], "--durability"),
        (["--retain", "soon"], "--retain"),
        (["--max-concurrent", "0"], "--max-concurrent"),
        (["--no-default-key"], "--api-key"),
        (["--spec", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (["--spec", str(SOURCE / "conftest.py")], "contract"),
        (["--state", "/nonexistent/state.db"], "/nonexistent/state.db"),
        (["--state", "/"], "state"),
        (["--state", "mysterydb://x"], "mysterydb"),
        (["--host", "203.0.113.7"], "203.0.113.7"),
    ],
)
def test_invalid_settings_print_one_line_and_exit_2(
    flags: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert word in failing_here(capsys, *flags)


def test_invalid_settings_in_a_process_print_one_line_and_exit_2() -> None:
    assert "--port" in failing("--port", "70000")


def test_state_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    state.write_text("This is a letter to a friend, not a database. " * 100)
    assert str(state) in failing("--state", str(state))


def test_password_of_a_state_url_is_not_repeated() -> None:
    line = failing("--state", "postgresql+psycopg://mock:sesame@127.0.0.1:9/none")
    assert "sesame" not in line


def test_port_in_use_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in failing("--port", str(port))


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
    with MockProcess("--tokens-per-second", "100", "--first-token", "0.1") as mock:
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
