"""Runs one case of the mock's cost and prints it as one line of JSON: `python -m benchmarks.mock CASE CORE`.

Measures the CPU time of the server per create or per event of a stream, beside a minimal ASGI application and beside
Prism. The server runs on the given core, the client on another, over sixteen connections. Needs Linux, and npx for
Prism.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testkit.sockets import free_port

from . import cores
from .payloads import KEY, MESSAGES, PATH

ROOT = Path(__file__).resolve().parents[2]
PRISM = "@stoplight/prism-cli@5.16.0"
CONNECTIONS = 16
CREATES = 8_000
STREAMS = 200
EVENTS = 200

QUESTION: dict[str, Any] = {"model": "aurous-grow-2.0-pro", "messages": MESSAGES}
LONG: dict[str, Any] = {
    **QUESTION,
    "messages": [{"role": "user", "content": "Write 1000 words."}],
    "max_tokens": EVENTS,
    "stream": True,
}
BARE = (sys.executable, "-m", "benchmarks.mock", "serve-bare", "PORT")
MOCK = (sys.executable, "-m", "aurous_mock", "--port", "PORT", "--credits", "1000000000")
SILENT = "--no-access-log"


class MissingError(Exception):
    """A server is not available; the message says why."""


@dataclass(frozen=True)
class Load:
    """A server and its requests; `events` is the number of events in a response."""

    command: tuple[str, ...]
    body: dict[str, Any]
    count: int
    events: int = 1


CASES = {
    "create: aurous-mock": Load((*MOCK, SILENT), QUESTION, CREATES),
    "create: aurous-mock, access log": Load(MOCK, QUESTION, CREATES),
    "create: bare ASGI": Load(BARE, QUESTION, CREATES),
    "create: Prism": Load(
        ("PRISM", "mock", "-h", "127.0.0.1", "-p", "PORT", "-v", "silent", str(ROOT / "openapi.yaml")),
        QUESTION,
        CREATES // 4,
    ),
    "event: aurous-mock": Load((*MOCK, SILENT), LONG, STREAMS, EVENTS),
    "event: bare ASGI": Load(BARE, LONG, STREAMS, EVENTS),
}


def serve_bare(port: int) -> None:
    """A minimal ASGI application: read the body, send a response of the same size."""
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


def measure(load: Load, core: int | None) -> dict[str, float]:
    """CPU microseconds of the server per event."""
    port = free_port()
    message = _request(load.body, port)
    with _running(load.command, port, core) as pid:
        asyncio.run(_ask_all(port, message, CONNECTIONS * 8))
        before = _cpu_seconds(pid)
        asyncio.run(_ask_all(port, message, load.count))
        spent = _cpu_seconds(pid) - before
    answers = load.count // CONNECTIONS * CONNECTIONS * load.events
    return {"figure": spent / answers * 1e6}


@contextmanager
def _running(command: tuple[str, ...], port: int, core: int | None) -> Iterator[int]:
    """Run the server on its core; yields its process id once the port is open."""
    words = [part.replace("PORT", str(port)) for part in command]
    if words[0] == "PRISM":
        words[:1] = _prism()
    server = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: cores.pin(core),
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{words[0]} did not start") from None
                time.sleep(0.05)
        yield server.pid
    finally:
        # The whole session: npx starts Prism as a grandchild.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _prism() -> list[str]:
    if shutil.which("prism"):
        return ["prism"]
    npx = shutil.which("npx")
    if npx is None:
        raise MissingError("Prism needs npx, which is not installed")
    # Download it before the measurement.
    fetched = subprocess.run([npx, "--yes", PRISM, "--version"], capture_output=True, check=False, cwd="/", timeout=240)
    if fetched.returncode != 0:
        raise MissingError("npx cannot install Prism")
    return [npx, "--yes", PRISM]


def _cpu_seconds(pid: int) -> float:
    """The CPU seconds of a process and its descendants."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0.0
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") + sum(_cpu_seconds(int(child)) for child in children)


def _request(body: dict[str, Any], port: int) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Api-Key: {KEY}\r\n"
        f"Accept: */*\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _ask(port: int, message: bytes, count: int) -> None:
    """Send `count` requests, one after another, on one connection."""
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


async def _ask_all(port: int, message: bytes, count: int) -> None:
    await asyncio.gather(*(_ask(port, message, count // CONNECTIONS) for _ in range(CONNECTIONS)))


def main() -> int:
    name, value = sys.argv[1:]
    if name == "serve-bare":
        serve_bare(int(value))
        return 0
    # On SIGTERM, the context managers stop the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    output: dict[str, Any]
    if not Path("/proc/self/stat").exists():
        output = {"missing": "measuring the CPU time of a server needs Linux"}
    else:
        try:
            output = measure(CASES[name], int(value) if int(value) >= 0 else None)
        except MissingError as error:
            output = {"missing": str(error)}
    print(json.dumps(output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
