"""The mock server as a process of its own, which can be killed and comes back at the same port with the same state."""

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

# Seconds to come up, and to stay down when killed.
_PATIENCE, _DOWN = 60.0, 0.3
# Answers take a moment, so that there is something to be killed in; tokens of a stream come one by one.
_PACE: Final = ("--first-token", "0.02", "--tokens-per-second", "200")


class VictimError(Exception):
    """The mock server does not come up."""


class Victim:
    """One mock server, which keeps its state in a file of the given folder."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state.sqlite"
        self._log = folder / "mock.log"
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0
        self.kills = 0

    async def start(self) -> None:
        """Start it; it listens when this returns. Raises VictimError."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while not await self._start():
            # Its port can be taken for a moment, as the near end of some connection.
            if asyncio.get_running_loop().time() > deadline:
                raise VictimError(self.log.strip().splitlines()[-1] if self.log.strip() else "the mock did not start")
            await asyncio.sleep(_DOWN)

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
                # Ctrl-C at the terminal is for us to pass on.
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
    def id(self) -> int:
        """Of its process, by the operating system."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """Let it die at once, and come back."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self.kills += 1
        await asyncio.sleep(_DOWN)
        await self.start()

    async def stop(self) -> None:
        """Stop it, if it runs. At once: nobody needs its state any more."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def ledger(self) -> list[dict[str, Any]]:
        """Every charge, in order; figures as they are written, as Decimal."""

        def fetch() -> list[dict[str, Any]]:
            with urlopen(f"http://127.0.0.1:{self.port}/_mock/ledger", timeout=_PATIENCE) as answer:
                charges: list[dict[str, Any]] = json.loads(answer.read(), parse_float=Decimal)["charges"]
                return charges

        return await asyncio.to_thread(fetch)

    @property
    def log(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
