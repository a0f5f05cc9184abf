"""No file that a command writes contains a planted key."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from aurous_mock.server.launcher import running
from aurous_mock.settings import DEFAULT_KEY
from testkit.mock_process import MockProcess
from testkit.raw_server import run_raw_server
from testkit.responses import HANG_UP, answer

ROOT = Path(__file__).resolve().parents[3]
KEY = "al_live_" + "5ec4e7" * 10 + "beef"
OTHER = "al_live_" + "0b5cu4" * 10 + "cafe"
CHAT = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Name three colours."}]}
TIMEOUT = 300


def written(folder: Path) -> bytes:
    """The content and names of all files of a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return b"\n".join(str(path).encode() + b"\n" + path.read_bytes() for path in files)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_mock_state_and_log_have_no_key(end: signal.Signals, tmp_path: Path) -> None:
    flags = ["--state", str(tmp_path / "state.db"), "--api-key", KEY, "--upstream-key", OTHER]
    models = answer(200, {"object": "list", "data": [{"id": "llama"}]})
    flags += ["--upstream-model", "llama"]
    with (
        run_raw_server(models, HANG_UP) as upstream,
        MockProcess(*flags, "--upstream", f"{upstream.url}/v1", cwd=tmp_path) as mock,
    ):
        url = mock.url
        for headers in ({"X-Api-Key": KEY}, {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "one"}):
            # The upstream server hangs up: records of failures are written, too.
            for body in (CHAT, {**CHAT, "stream": True}):
                assert httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers).status_code >= 200
        assert httpx.get(f"{url}/v1/balance", headers={"X-Api-Key": KEY}).status_code == 200
        mock.process.send_signal(end)
        mock.wait()
    everything_written = written(tmp_path) + mock.log.encode()
    assert b"team_default" in everything_written
    assert KEY.encode() not in everything_written
    assert OTHER.encode() not in everything_written


class Echo(BaseHTTPRequestHandler):
    """A proxy of the mock that sends the caller's key back in its responses."""

    protocol_version = "HTTP/1.1"
    # Otherwise each answer waits for the other side to confirm its first half.
    disable_nagle_algorithm = True
    upstream: httpx.Client

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        answered = self.upstream.request(self.command, self.path, headers=headers, content=body)
        content = answered.content
        if answered.headers.get("Content-Type", "").startswith("application/json"):
            # Broken, too, so that it is shown.
            content = json.dumps({"you_sent": dict(self.headers), **answered.json(), "object": KEY}).encode()
        self.send_response(answered.status_code)
        for name, value in answered.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "content-encoding"):
                self.send_header(name, value)
        self.send_header("X-You-Sent", str(self.headers.get("X-Api-Key")))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Not to the terminal."""


@pytest.fixture
def echoing_server() -> Iterator[str]:
    keys = {KEY: "team_default", OTHER: "team_other"}
    with running(keys=keys) as mock, httpx.Client(base_url=mock.url, timeout=60) as upstream:
        handler = type("Handler", (Echo,), {"upstream": upstream})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_suite_reports_have_no_key(echoing_server: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    command += [f"conformance/rules/test_{about}.py" for about in ("models", "completion", "authentication")]
    command += [f"--base-url={echoing_server}", f"--api-key={KEY}", f"--other-api-key={OTHER}"]
    command += [f"--report={tmp_path / 'report.html'}", f"--report={tmp_path / 'report.json'}"]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert completed.returncode == 1, completed.stdout
    everything_written = written(tmp_path)
    # What failed is shown, and what was sent back with it.
    assert b"curl" in everything_written
    assert b"you_sent" in everything_written
    assert b"$AUROUS_API_KEY" in everything_written
    for output in (completed.stdout.encode(), completed.stderr.encode(), everything_written):
        assert KEY.encode() not in output
        assert OTHER.encode() not in output


@pytest.mark.slow
def test_chaos_figures_have_no_key(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, "scripts/chaos.py", "calls", "--calls", "20", "--kills", "0", "--json", str(figures)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    completed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
    )
    assert json.loads(figures.read_bytes())
    assert DEFAULT_KEY not in completed.stdout + completed.stderr
    assert DEFAULT_KEY.encode() not in written(tmp_path)
