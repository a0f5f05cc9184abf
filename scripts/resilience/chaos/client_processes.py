"""The client processes of a run: started with a job each, their messages in one queue, stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from resilience.chaos.protocol import DECODER, SETTLE, Message

_SCRIPTS: Final = Path(__file__).resolve().parents[2]
_GRACE: Final = 5.0


class ProcessExited(msgspec.Struct, frozen=True):
    """A client process has exited."""

    code: int
    error: str
    """The last line of its standard error."""


class ClientProcesses:
    """Client processes, each of which runs a module."""

    def __init__(self, module: str = "resilience.chaos.worker") -> None:
        self._module = module
        self._processes: list[asyncio.subprocess.Process] = []
        self._listeners: list[asyncio.Task[None]] = []
        self.messages: asyncio.Queue[Message | ProcessExited] = asyncio.Queue()

    def __len__(self) -> int:
        return len(self._processes)

    async def start(self, jobs: Iterable[msgspec.Struct]) -> None:
        """Start a process for each job."""
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
                # Ctrl-C at the terminal goes to this process alone, which stops the others.
                start_new_session=True,
            )
            self._processes.append(process)
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            self._listeners.append(asyncio.create_task(self._listen(process)))

    @property
    def pids(self) -> list[int]:
        """The process ids."""
        return [process.pid for process in self._processes]

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        # Read concurrently, so that neither pipe fills up.
        stderr_reader = asyncio.ensure_future(process.stderr.read())
        async for line in process.stdout:
            self.messages.put_nowait(DECODER.decode(line))
        error = (await stderr_reader).decode(errors="replace").strip()
        self.messages.put_nowait(ProcessExited(await process.wait(), error.splitlines()[-1] if error else ""))

    def finish(self, *, settle: bool) -> None:
        """Let them settle what is open, or not, and exit."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.write(f"{SETTLE if settle else ''}\n".encode())

    async def stop(self) -> None:
        """Stop the processes that still run."""
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
