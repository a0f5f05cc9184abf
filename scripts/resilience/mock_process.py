"""The mock server as a process that can be killed and restarted on the same port and state."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

# Seconds to start within, and to stay down after a kill.
_START_TIMEOUT, _RESTART_DELAY = 60.0, 0.3
# Paced, so that a kill interrupts something.
_PACE: Final = ("--first-token", "0.02", "--tokens-per-second", "200")


class MockProcessError(Exception):
    """The mock server does not start."""


class MockProcess:
    """One mock server with its state in a folder."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state.sqlite"
        self._log = folder / "mock.log"
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0
        self.kills = 0

    async def start(self) -> None:
        """Start it; it listens when this returns. Raises MockProcessError."""
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
        while not await self._start():
            # Its port may be in use for a moment, as the local port of some connection.
            if asyncio.get_running_loop().time() > deadline:
                raise MockProcessError(
                    self.log.strip().splitlines()[-1] if self.log.strip() else "the mock did not start"
                )
            await asyncio.sleep(_RESTART_DELAY)

    async def _start(self) -> bool:
        command = [sys.executable, "-m", "aurous_mock", "--port", str(self.port), "--state", str(self._state)]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *_PACE,
                "--no-access-log",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                # Ctrl-C at the terminal goes to this process alone, which stops the mock.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            return False
        self.port = urlsplit(line.decode().split()[-1]).port or 0
        return True

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """Kill it (-9) and restart it."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self.kills += 1
        await asyncio.sleep(_RESTART_DELAY)
        await self.start()

    async def stop(self) -> None:
        """Kill it if it runs; its state is no longer needed."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def ledger(self) -> list[dict[str, Any]]:
        """Every charge, in order, with exact decimals."""

        def fetch() -> list[dict[str, Any]]:
            with urlopen(f"http://127.0.0.1:{self.port}/_mock/ledger", timeout=_START_TIMEOUT) as response:
                charges: list[dict[str, Any]] = json.loads(response.read(), parse_float=Decimal)["charges"]
                return charges

        return await asyncio.to_thread(fetch)

    @property
    def log(self) -> str:
        """Its standard error."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
