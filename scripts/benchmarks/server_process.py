"""The benchmark server as a process, started and stopped by a context manager, and its CPU time."""

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
def run_server(core: int | None) -> Iterator[str]:
    """Run the server on its core; yields its URL."""
    command = [sys.executable, "-m", "benchmarks.server", *([] if core is None else [str(core)])]
    # A session of its own: Ctrl-C goes to the parent, which stops it.
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
    """The seconds that a block took: CPU of this process, wall, and CPU of the server."""

    cpu: float = 0.0
    wall: float = 0.0
    server: float = 0.0


@contextmanager
def timed(url: str) -> Iterator[Stopwatch]:
    """Yields a stopwatch that is filled in when the block ends."""
    watch = Stopwatch()
    # A full collection first; otherwise the next one would fall into one case or another by chance.
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
