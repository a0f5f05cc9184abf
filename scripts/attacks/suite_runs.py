"""Attacks on the conformance suite, by the server that it is run against."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from testkit import processes
from testkit.raw_server import Connection, RawServer, run_raw_server
from testkit.responses import response

from attacks.memory import MIB, peak_of_children
from attacks.registry import Observations, attack
from attacks.target_server import KEY, TargetServer, running_server

# Credits that a run may spend, and what the call that exceeds them may cost.
MAX_CREDITS, MAX_CALL = 0.5, 0.5
# Seconds of tests, and those that a run may take beyond them: its start, its report, and the request under way.
MAX_SECONDS, GRACE = 10.0, 60.0
# MiB of a run against a server whose answers never end.
MAX_MEMORY: Final = 600.0
_ROOT: Final = Path(__file__).resolve().parents[2]
_CHARGED: Final = re.compile(rb'("credits_charged":\s*)[0-9.eE+-]+')
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_HOP_HEADERS: Final = {"connection", "content-length", "transfer-encoding", "date", "server"}
_HOSTILE_TEXT: Final = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\x9b31m\r"


@contextmanager
def _running(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run, which is stopped when the block ends before it, as when the attack takes too long."""
    command = [sys.executable, "-m", "pytest", "conformance", "-q", "-p", "no:cacheprovider", "--base-url", url]
    command += ["--api-key", KEY, *arguments]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        processes.stop(process)


def _run(url: str, *arguments: str) -> str:
    """The output of a run."""
    with _running(url, *arguments) as process:
        return process.communicate()[0]


@contextmanager
def _running_liar(server: TargetServer, credits: bytes) -> Iterator[RawServer]:
    """A proxy in front of the mock that states other charges than were made."""

    def relay(connection: Connection) -> bool:
        request = proxy.requests[-1]
        upstream = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            method, path, _ = request.line.split(" ", 2)
            upstream.request(method, path, request.body or None, dict(request.headers))
            answer = upstream.getresponse()
            body = _CHARGED.sub(rb"\g<1>" + credits, answer.read())
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_HEADERS}
            connection.send(response(answer.status, body, headers=headers))
        finally:
            upstream.close()
        return True

    with run_raw_server(relay) as proxy:
        yield proxy


@attack("lying-receipts", target="suite", slow=True)
def lying_receipts(observed: Observations) -> None:
    """States charges of NaN and -1 in every receipt; a run spends what it may, and one call more at most."""
    for credits in (b"NaN", b"-1"):
        with running_server() as server, _running_liar(server, credits) as proxy:
            _run(proxy.url, "--profile", "quick", "--max-credits", str(MAX_CREDITS), "--max-seconds", "60")
            ledger = json.loads(server.request("GET", "/_mock/ledger", key=None)[1])
        spent = sum(float(charge["credits_charged"]) for charge in ledger["charges"])
        name = f"receipts of {credits.decode()}"
        observed.figures[name] = f"{len(ledger['charges'])} calls, {spent:.3f} of {MAX_CREDITS:g} credits"
        observed.check(f"{name}: the limit holds", 0 < spent <= MAX_CREDITS + MAX_CALL, f"{spent:.3f}")


@attack("endless-answers", target="suite", slow=True)
def endless_answers(observed: Observations) -> None:
    """Answers every request with a body that never ends; a run ends within its time, and its memory is bounded."""

    def respond(connection: Connection) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not connection.over.is_set():
            # Ends with an OSError once the suite has closed the connection.
            connection.socket.sendall(b"100000\r\n" + b" " * MIB + b"\r\n")
        return False

    with run_raw_server(respond) as server:
        began = time.monotonic()
        limits = ("--profile", "quick", "--max-seconds", str(MAX_SECONDS))
        with _running(server.url, "--no-preflight", *limits) as process:
            process.communicate()
        seconds = time.monotonic() - began
        memory = peak_of_children()
        requests = len(server.requests)
    observed.figures |= {
        "requests": requests,
        "time": f"{seconds:.0f} s with --max-seconds {MAX_SECONDS:g}",
        "peak memory": f"{memory:.0f} MiB",
    }
    observed.check("the run ends as one that failed", process.returncode == 1, f"exit code {process.returncode}")
    observed.check("its memory is bounded", memory <= MAX_MEMORY, f"{memory:.0f} MiB")
    observed.check_timing("it ends within its time", seconds <= MAX_SECONDS + GRACE, f"{seconds:.0f} s")


@attack("terminal-escapes", target="suite", slow=True)
def terminal_escapes(observed: Observations) -> None:
    """Sends escape sequences and bidirectional overrides in every answer; none reaches the terminal."""
    error = {"type": "invalid_request", "code": _HOSTILE_TEXT, "message": _HOSTILE_TEXT, "param": _HOSTILE_TEXT}
    hostile = response(400, json.dumps({"error": error}, ensure_ascii=False).encode())

    def respond(connection: Connection) -> bool:
        connection.send(hostile)
        return True

    with run_raw_server(respond) as server:
        output = _run(server.url, "--no-preflight", "--profile", "quick", "--max-seconds", str(MAX_SECONDS))
    controls = _CONTROL.findall(output)
    observed.figures |= {"lines": output.count("\n"), "control characters": len(controls)}
    observed.check("the text of the server is shown", "gnp.exe" in output)
    observed.check("no control character is printed", not controls, str({*controls}))
