#!/usr/bin/env python3
"""Measures what the mock costs, as ratios to a bare ASGI application and to Prism. `python scripts/bench_mock.py`

Every server runs alone on one core and the client on another, over sixteen connections. What counts is the CPU time a
server spends per request (or per event of a stream): it repeats where wall time, on a shared machine, does not. Each
round visits every case, in turn from either end; the medians are shown. Needs Linux, and for Prism Node's npx.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KEY = "al_live_" + "0" * 64
PRISM = "@stoplight/prism-cli@5.16.0"
CONNECTIONS = 16
TICK = os.sysconf("SC_CLK_TCK")
EVENTS = 200

QUESTION: dict[str, Any] = {
    "model": "aurous-grow-2.0-pro",
    "messages": [{"role": "user", "content": "Name three uses of a paper clip."}],
}
LONG: dict[str, Any] = {
    **QUESTION,
    "messages": [{"role": "user", "content": "Write 1000 words."}],
    "max_tokens": EVENTS,
    "stream": True,
}


@dataclass(frozen=True)
class Case:
    """A server and what to ask it; `events` is how many events an answer has."""

    name: str
    command: list[str]
    body: dict[str, Any]
    count: int
    events: int = 1


def bare(port: int) -> None:
    """The least that an ASGI application can do with the same requests: read the body, send as many bytes."""
    import uvicorn

    document = json.dumps({"answer": "x" * 740}).encode()
    event = b"data: " + json.dumps({"delta": "x" * 180}).encode() + b"\n\n"

    async def application(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        streamed = b'"stream"' in body
        kind = b"text/event-stream" if streamed else b"application/json"
        headers = [(b"content-type", kind)]
        if not streamed:
            headers.append((b"content-length", str(len(document)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if streamed:
            for _ in range(EVENTS):
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if streamed else document})

    uvicorn.run(application, port=port, lifespan="off", access_log=False, log_level="warning", ws="none")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: list[str], port: int, core: int) -> Iterator[int]:
    """The server as a process on its core; yields its id once the port is open."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "conformance")}
    server = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start") from None
                time.sleep(0.05)
        yield server.pid
    finally:
        # The whole session: npx starts Prism as a grandchild.
        os.killpg(server.pid, 15)
        server.wait()


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and all its descendants so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK + sum(cpu_seconds(int(child)) for child in children)


def request(body: dict[str, Any], port: int) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Api-Key: {KEY}\r\n"
        f"Accept: */*\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def ask(port: int, message: bytes, count: int) -> None:
    """`count` requests, one after another, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    for _ in range(count):
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(head.splitlines()[0].decode())
        if b"content-length:" in head:
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        else:
            await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()


async def load(port: int, message: bytes, count: int) -> None:
    await asyncio.gather(*(ask(port, message, count // CONNECTIONS) for _ in range(CONNECTIONS)))


def measure(case: Case, core: int) -> tuple[float, float]:
    """CPU microseconds, and wall microseconds, per event."""
    port = free_port()
    message = request(case.body, port)
    command = [part.replace("PORT", str(port)) for part in case.command]
    with serving(command, port, core) as pid:
        asyncio.run(load(port, message, CONNECTIONS * 8))
        before, begun = cpu_seconds(pid), time.perf_counter()
        asyncio.run(load(port, message, case.count))
        wall = time.perf_counter() - begun
        spent = cpu_seconds(pid) - before
    answers = case.count // CONNECTIONS * CONNECTIONS * case.events
    return spent / answers * 1e6, wall / answers * 1e6


def cases(count: int, prism: list[str] | None) -> list[Case]:
    bare_command = [sys.executable, __file__, "--serve-bare", "PORT"]
    mock_command = [sys.executable, "-m", "aurous_mock", "--port", "PORT", "--credits", "1000000000", "--no-access-log"]
    streams = max(count // 40, CONNECTIONS)
    chosen = [
        Case("create: bare ASGI", bare_command, QUESTION, count),
        Case("create: aurous-mock", mock_command, QUESTION, count),
        Case("create: aurous-mock, access log", mock_command[:-1], QUESTION, count),
        Case("event: bare ASGI", bare_command, LONG, streams, EVENTS),
        Case("event: aurous-mock", mock_command, LONG, streams, EVENTS),
    ]
    if prism:
        command = [*prism, "mock", "-h", "127.0.0.1", "-p", "PORT", "-v", "silent", str(ROOT / "openapi.yaml")]
        chosen.append(Case("create: Prism", command, QUESTION, count // 4))
    return chosen


def find_prism() -> list[str] | None:
    if shutil.which("prism"):
        return ["prism"]
    npx = shutil.which("npx")
    if npx is None:
        return None
    # Fetched before anything is measured.
    fetched = subprocess.run([npx, "--yes", PRISM, "--version"], capture_output=True, check=False, cwd="/")
    return [npx, "--yes", PRISM] if fetched.returncode == 0 else None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--serve-bare", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=8000, help="creates in a round")
    arguments = parser.parse_args()
    if arguments.serve_bare is not None:
        bare(arguments.serve_bare)
        return 0
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    prism = find_prism()
    chosen = cases(arguments.count, prism)
    results: dict[str, list[tuple[float, float]]] = {case.name: [] for case in chosen}
    for number in range(arguments.rounds):
        for case in chosen if number % 2 == 0 else reversed(chosen):
            results[case.name].append(measure(case, cores[0]))
    print(f"{'':34}{'CPU us':>9}{'per core-second':>17}{'bare = 1':>10}")
    for name, rounds in results.items():
        cpu = statistics.median(spent for spent, _ in rounds)
        floor = statistics.median(spent for spent, _ in results[f"{name.partition(':')[0]}: bare ASGI"])
        print(f"{name:34}{cpu:9.1f}{1e6 / cpu:17,.0f}{floor / cpu:10.2f}")
    if prism is None:
        print("create: Prism                     not measured: npx cannot install it here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
