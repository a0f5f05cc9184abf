"""The mock server as the target of attacks: a process, its memory, and how long its other callers wait."""

from __future__ import annotations

import contextlib
import http.client
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]
from aurous_mock.settings import DEFAULT_KEY
from testkit.mock_process import MockProcess

from attacks.memory import PeakMemory
from attacks.runner import limit_memory

CREATE: Final = "/v1/chat/completions"
KEY: Final = DEFAULT_KEY
OTHER_KEY: Final = "al_live_" + "1" * 64
# Seconds that no busy machine accounts for.
_CERTAIN_STALL: Final = 1.0
# Seconds that an innocent caller waits for a response before it gives up.
PROBE_TIMEOUT: Final = 30.0


class TargetServer:
    """A running mock server."""

    def __init__(self, process: MockProcess) -> None:
        self._process = process
        self.port = process.port
        self.memory = PeakMemory(process.pid)

    @property
    def log(self) -> str:
        return self._process.log

    @property
    def is_running(self) -> bool:
        return self._process.is_running

    def terminate(self) -> None:
        """Ask the server to shut down."""
        self._process.terminate()

    def children(self) -> list[int]:
        """The processes that the server has started."""
        return [child.pid for child in psutil.Process(self._process.pid).children()]

    def connect(self, timeout: float = PROBE_TIMEOUT) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = KEY,
        timeout: float = PROBE_TIMEOUT,
    ) -> tuple[int, bytes]:
        """Status and body of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PROBE_TIMEOUT)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if key:
            headers["X-Api-Key"] = key
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def longest_wait(self, action: Callable[[], object]) -> float:
        """The longest that another caller of the server waited for a response while the action ran, in seconds."""
        waits: list[float] = []
        finished = threading.Event()

        def probe() -> None:
            while not finished.is_set() or not waits:
                began = time.monotonic()
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self.request("GET", "/v1/balance")
                waits.append(time.monotonic() - began)

        prober = threading.Thread(target=probe)
        prober.start()
        try:
            action()
        finally:
            finished.set()
            prober.join()
        return max(waits)

    def typical_wait(self, action: Callable[[], object], times: int = 5) -> float:
        """The median of the longest waits over some repetitions, which a busy machine disturbs little.

        A wait of seconds is no disturbance, and ends the repetitions.
        """
        waits: list[float] = []
        while len(waits) < times and not any(wait > _CERTAIN_STALL for wait in waits):
            waits.append(self.longest_wait(action))
        return statistics.median_high(waits)


@contextlib.contextmanager
def running_server(*flags: str) -> Iterator[TargetServer]:
    """A mock server with these flags, for the duration of a block."""
    with tempfile.TemporaryDirectory(prefix="aurous-attack-") as folder:
        process = MockProcess("--no-access-log", *flags, cwd=Path(folder))
        try:
            process.start()
            limit_memory(process.pid)
            target = TargetServer(process)
            # The first request loads modules, which is not what is attacked.
            target.request("GET", "/v1/balance")
            target.memory.reset()
            yield target
        finally:
            # An attacked server may be too busy to end by itself.
            process.stop(grace=0)
