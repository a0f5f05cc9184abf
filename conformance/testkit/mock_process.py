"""The mock server as a process: started on a free port, restarted on the same one, stopped with its block."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import urlopen

from testkit import processes

_COMMAND: Final = (sys.executable, "-m", "aurous_mock")
_SOURCE_ROOT: Final = Path(__file__).resolve().parents[1]
_ANNOUNCEMENT: Final = "aurous-mock listening on "
# Seconds to start within, and between attempts to start on a port that is in use.
_START_TIMEOUT, _RESTART_DELAY = 60.0, 0.3


def run_mock(*flags: str) -> subprocess.CompletedProcess[str]:
    """The output and exit code of a mock server with flags with which it ends by itself."""
    command = [*_COMMAND, "--port", "0", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_START_TIMEOUT)  # noqa: S603


class NotStartedError(RuntimeError):
    """The mock server did not start; the message is the end of its log."""


class MockProcess:
    """A mock server, which listens from `start` to `stop`; as a context manager, for the length of a block.

    It also ends when this process does, even if that is killed.

    flags:       of `aurous-mock`, but for the port
    cwd:         the folder that it runs in
    environment: in place of this process's, in which it finds the mock of this tree
    """

    def __init__(self, *flags: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._flags = flags
        self._cwd = cwd
        paths = [str(_SOURCE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment = environment or {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        # A file, because nobody reads a pipe while the server runs.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._is_stopped = False
        self.port = 0
        self.output = ""
        """What it printed after the line that says where it listens; complete once it has ended."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process; after a restart, the new one."""
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def log(self) -> str:
        """Its standard error, with that of the processes before a restart."""
        # Without moving the position, which is the server's too.
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(errors="replace")

    def start(self) -> None:
        """Start it; it listens when this returns. Raises NotStartedError."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Kill it (-9) and start it on the same port. Raises NotStartedError."""
        self.kill()
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            time.sleep(_RESTART_DELAY)
            try:
                self._start()
                return
            except NotStartedError:
                # Its port may be in use for a moment, as the local port of some connection.
                if self._is_stopped or time.monotonic() > deadline:
                    raise

    def terminate(self) -> None:
        """Ask it to shut down."""
        self.process.terminate()

    def kill(self) -> None:
        """Kill it (-9)."""
        self.process.kill()
        processes.stop(self.process)

    def wait(self, timeout: float = _START_TIMEOUT) -> int:
        """Its exit code, once it has ended; its output and its log are complete then."""
        code = self.process.wait(timeout)
        stdout = self.process.stdout
        assert stdout is not None
        # Not by `communicate`, which would lose what was buffered with the first line.
        with stdout:
            self.output = stdout.read()
        return code

    def stop(self, grace: float = processes.GRACE) -> None:
        """Stop it if it runs, also while another thread starts it. grace: seconds until it is killed"""
        with self._lock:
            self._is_stopped = True
        if self._process is not None:
            processes.stop(self._process, grace)

    def ledger(self) -> list[dict[str, Any]]:
        """Every charge, in order, with exact decimals."""
        with urlopen(f"{self.url}/_mock/ledger", timeout=_START_TIMEOUT) as response:  # noqa: S310 - our own URL
            charges: list[dict[str, Any]] = json.loads(response.read(), parse_float=Decimal)["charges"]
            return charges

    def _start(self) -> None:
        with self._lock:
            if self._is_stopped:
                raise NotStartedError("the mock server was stopped")
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*_COMMAND, "--port", str(self.port), "--exit-on-eof", *self._flags],
                cwd=self._cwd,
                env=self._environment,
                # Nothing is written: it ends with this process.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
                # Ctrl-C at the terminal goes to this process alone, which stops the server.
                start_new_session=True,
            )
        line = self._first_line()
        if not line.startswith(_ANNOUNCEMENT):
            self.kill()
            raise NotStartedError(f"the mock server did not start: {self.log.strip()[-2000:] or '(its log is empty)'}")
        self.port = urlsplit(line.removeprefix(_ANNOUNCEMENT).strip()).port or 0

    def _first_line(self) -> str:
        stdout = self.process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            return stdout.readline() if selector.select(_START_TIMEOUT) else ""
