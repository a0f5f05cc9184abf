"""Several processes with a client in each, and what they tell, as it comes. Knows no calls, no faults, no ledger."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from resilience.chaos.protocol import READ, SETTLE, Told

_SCRIPTS: Final = Path(__file__).resolve().parents[2]
_GRACE: Final = 5.0


class Ended(msgspec.Struct, frozen=True):
    """A process has ended."""

    code: int
    said: str
    """The last line that it wrote to standard error."""


class Crew:
    """The processes of a trial, each of which runs a module."""

    def __init__(self, module: str = "resilience.chaos.worker") -> None:
        self._module = module
        self._processes: list[asyncio.subprocess.Process] = []
        self._listeners: list[asyncio.Task[None]] = []
        self.heard: asyncio.Queue[Told | Ended] = asyncio.Queue()

    def __len__(self) -> int:
        return len(self._processes)

    async def start(self, jobs: Iterable[msgspec.Struct]) -> None:
        """A process for each job."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_SCRIPTS), os.environ.get("PYTHONPATH", "")])}
        for job in jobs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                # Ctrl-C at the terminal is for us to pass on.
                start_new_session=True,
            )
            self._processes.append(process)
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            self._listeners.append(asyncio.create_task(self._listen(process)))

    @property
    def ids(self) -> list[int]:
        """Of the processes, by the operating system."""
        return [process.pid for process in self._processes]

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        # Read beside the other, so that neither fills up.
        complaints = asyncio.ensure_future(process.stderr.read())
        async for line in process.stdout:
            self.heard.put_nowait(READ.decode(line))
        said = (await complaints).decode(errors="replace").strip()
        self.heard.put_nowait(Ended(await process.wait(), said.splitlines()[-1] if said else ""))

    def give_word(self, *, settle: bool) -> None:
        """Let them settle what is open, or leave it, and come to their end."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.write(f"{SETTLE if settle else ''}\n".encode())

    async def stop(self) -> None:
        """Stop those that still run."""
        running = [process for process in self._processes if process.returncode is None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if running:
            _, late = await asyncio.wait([asyncio.create_task(process.wait()) for process in running], timeout=_GRACE)
            if late:
                for process in running:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
