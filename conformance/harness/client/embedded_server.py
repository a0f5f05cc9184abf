"""The mock server that a run starts for itself: a subprocess on a free port."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

LISTENING = re.compile(r"aurous-mock listening on (http://\S+)")
READY_WITHIN = 30.0
SOURCE_ROOT = Path(__file__).resolve().parents[2]


class NotStartedError(RuntimeError):
    """The mock server did not start; carries the end of its log."""


class EmbeddedServer:
    """A mock server, running until stopped."""

    def __init__(self, *arguments: str) -> None:
        # A file, because nobody reads a pipe while the tests run.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        paths = [str(SOURCE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "aurous_mock", "--port", "0", "--no-access-log", *arguments],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        try:
            self.url = self._announced_url()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _announced_url(self) -> str:
        """The URL on the server's first line, waited for with a deadline."""
        stdout = self._process.stdout
        assert stdout is not None
        deadline = time.monotonic() + READY_WITHIN
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                line = stdout.readline().decode()
                if not line:
                    break
                if match := LISTENING.search(line):
                    threading.Thread(target=_discard, args=(stdout,), daemon=True).start()
                    return match[1]
        raise NotStartedError(f"the mock server did not start:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        self._process.kill()
        self._process.wait()
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:].strip() or "(its log is empty)"


def _discard(pipe: IO[bytes]) -> None:
    while pipe.read(65536):
        pass
