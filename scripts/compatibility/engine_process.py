"""Starts an engine, waits until it answers, and stops or kills it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx
from testkit import processes

from compatibility.engines import Launch, Service

_PREPARATION_SECONDS, _START_SECONDS = 300, 180


class EngineError(Exception):
    """An engine did not start. The message is one line that says why."""


class EngineProcess:
    """The processes of an engine, for the length of a block.

    folder: where it works and writes its logs
    """

    def __init__(self, launch: Launch, folder: Path) -> None:
        self._launch = launch
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        # No model is fetched from a hub, and no settings of this machine's user are read.
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._environment = {**inherited, "HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._launch.services[-1].port}/v1"

    @property
    def launch(self) -> Launch:
        """How it was started."""
        return self._launch

    def __enter__(self) -> Self:
        try:
            self._prepare()
            for service in self._launch.services:
                self._start(service)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def kill(self) -> None:
        """Kill the process that the gateway asks (-9), with those that it started."""
        process = self._running[-1]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _stop(self) -> None:
        for process in reversed(self._running):
            processes.stop(process)

    def _prepare(self) -> None:
        if not self._launch.preparation:
            return
        with self._log("preparation") as log:
            try:
                code = subprocess.run(
                    self._launch.preparation,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    check=False,
                    timeout=_PREPARATION_SECONDS,
                ).returncode
            except subprocess.TimeoutExpired as error:
                raise EngineError(f"not prepared within {_PREPARATION_SECONDS} s") from error
        if code != 0:
            raise EngineError(f"not prepared: {self._last_line('preparation')}")

    def _start(self, service: Service) -> None:
        name = Path(service.command[0]).name
        with self._log(name) as log:
            process = subprocess.Popen(
                service.command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(f"http://127.0.0.1:{service.port}{service.health}"):
            if process.poll() is not None:
                raise EngineError(f"{name} ended with exit code {process.returncode}: {self._last_line(name)}")
            if time.monotonic() > deadline:
                raise EngineError(f"{name} does not answer after {_START_SECONDS} s: {self._last_line(name)}")
            time.sleep(0.2)

    def _log(self, name: str) -> IO[Any]:
        return (self._folder / f"{name}.log").open("wb")

    def _last_line(self, name: str) -> str:
        lines = (self._folder / f"{name}.log").read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "(its log is empty)"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False
