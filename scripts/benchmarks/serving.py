"""Starts the server in a process of its own and stops it, whatever happens in between. Asks it how busy it was."""

from __future__ import annotations

import gc
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SCRIPTS = Path(__file__).resolve().parents[1]


@contextmanager
def serving(core: int | None) -> Iterator[str]:
    """The server on its core; yields its URL."""
    command = [sys.executable, "-m", "benchmarks.server", *([] if core is None else [str(core)])]
    # A session of its own: Ctrl-C is for those who can stop it in good order.
    server = subprocess.Popen(
        command, cwd=SCRIPTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with server:
        try:
            port = server.stdout.readline().strip() if server.stdout else ""
            if not port:
                raise RuntimeError("the server did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


@dataclass
class Stopwatch:
    """What a piece of work has cost, in seconds: CPU of this process, wall, and CPU of the server."""

    cpu: float = 0.0
    wall: float = 0.0
    server: float = 0.0


@contextmanager
def timed(url: str) -> Iterator[Stopwatch]:
    """Fills in the watch when the block ends."""
    watch = Stopwatch()
    # So that all begin alike: when the collector next goes through everything would be a matter of chance.
    gc.collect()
    served = _server_seconds(url)
    wall, cpu = time.perf_counter(), time.process_time()
    yield watch
    watch.cpu, watch.wall = time.process_time() - cpu, time.perf_counter() - wall
    watch.server = _server_seconds(url) - served


def _server_seconds(url: str) -> float:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/")
        return float(json.load(connection.getresponse())["cpu"])
    finally:
        connection.close()
