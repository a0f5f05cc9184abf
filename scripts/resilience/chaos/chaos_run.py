"""One chaos run: mock server, fault proxy and client processes, the kills of the server, and what was observed."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from resilience.chaos.client_processes import ClientProcesses, ProcessExited
from resilience.chaos.fault_plan import FaultPlan
from resilience.chaos.fault_proxy import Proxy
from resilience.chaos.protocol import CallOutcome, ClientTimeouts, Job, JobDone, LedgerTotals, Settlement, StreamOutcome
from resilience.paced_mock import paced_mock

Charge = dict[str, Any]
WorkerModes = tuple[tuple[Literal["threads", "tasks"], int], ...]

# Seconds beyond a call's deadline without any message after which the client processes count as hung.
_SILENCE: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of a chaos run.

    count:      of calls or streams
    share:      of the exchanges that get a fault, from 0 to 1
    kills:      how often the server is killed, spread over the run
    drops_keys: whether the proxy removes idempotency keys
    retry_quota: of each client, in tokens; None for no bound
    workers:    for each client process, threads or tasks, and how many calls it makes at once
    """

    kind: Literal["calls", "streams"]
    count: int
    seed: int = 0
    share: float = 0.3
    kills: int = 3
    drops_keys: bool = False
    timeouts: ClientTimeouts = field(default_factory=ClientTimeouts)
    retry_quota: int | None = None
    workers: WorkerModes = (("threads", 16), ("tasks", 32), ("threads", 16), ("tasks", 32))

    def jobs(self, url: str) -> Iterator[Job]:
        for place, (mode, concurrency) in enumerate(self.workers):
            yield Job(
                url=url,
                kind=self.kind,
                mode=mode,
                seed=self.seed,
                first=place,
                stop=self.count,
                step=len(self.workers),
                concurrency=concurrency,
                timeouts=self.timeouts,
                retry_quota=self.retry_quota,
            )


@dataclass(kw_only=True)
class Result:
    """What a chaos run observed."""

    config: Config
    calls: dict[int, CallOutcome] = field(default_factory=dict)
    streams: dict[int, StreamOutcome] = field(default_factory=dict)
    settled: dict[int, Settlement] = field(default_factory=dict)
    ledgers: list[LedgerTotals] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    """The completions whose price no client knew when every stream had ended."""
    crashes: list[str] = field(default_factory=list)
    """Why client processes ended early, or hung."""
    charges_before: list[Charge] = field(default_factory=list)
    """The server's ledger when every call had ended."""
    charges: list[Charge] = field(default_factory=list)
    """The server's ledger after settling."""
    completions: dict[int, set[str]] = field(default_factory=dict)
    """The completions that the proxy saw created for each call."""
    injected: Counter[str] = field(default_factory=Counter)
    exchanges: int = 0
    """Until every call had ended."""
    outages: int = 0
    """Exchanges that found no server, or lost it."""
    kills: int = 0
    seconds: float = 0.0
    """From the first call to the last, without settling."""
    log: str = ""
    """What the server wrote to standard error."""

    @property
    def ended(self) -> int:
        return len(self.calls) + len(self.streams)


class ChaosRun:
    """A chaos run in progress."""

    def __init__(self, config: Config, folder: Path, on_progress: Callable[[str], None]) -> None:
        self._config = config
        self._on_progress = on_progress
        self._result = Result(config=config)
        self._mock = paced_mock(folder)
        self._kill_count = 0
        self._proxy = Proxy(
            FaultPlan(config.seed, config.share), read_timeout=config.timeouts.read, drops_keys=config.drops_keys
        )
        self._clients = ClientProcesses()
        self._kills: list[asyncio.Task[None]] = []
        self._kill_lock = asyncio.Lock()

    async def run(self) -> Result:
        result = self._result
        try:
            await asyncio.to_thread(self._mock.start)
            url = await self._proxy.start(self._mock.port)
            began = time.monotonic()
            await self._clients.start(self._config.jobs(url))
            await self._receive_until(JobDone)
            result.seconds = time.monotonic() - began
            await asyncio.gather(*self._kills)
            await self._proxy.calm()
            result.exchanges, result.outages = self._proxy.exchanges, self._proxy.outages
            result.charges_before = await asyncio.to_thread(self._mock.ledger)
            self._clients.finish(settle=not self._config.drops_keys)
            await self._receive_until(ProcessExited)
            result.charges = await asyncio.to_thread(self._mock.ledger)
        finally:
            for kill in self._kills:
                kill.cancel()
            await asyncio.gather(*self._kills, return_exceptions=True)
            await self._clients.stop()
            await self._proxy.stop()
            # Its state is no longer needed.
            await asyncio.to_thread(self._mock.stop, 0)
        result.completions, result.injected = dict(self._proxy.completions), self._proxy.injected
        result.kills, result.log = self._kill_count, self._mock.log
        return result

    async def _receive_until(self, last: type[JobDone | ProcessExited]) -> None:
        """Receive messages until each process has sent this one."""
        waiting = len(self._clients) - len(self._result.crashes)
        while waiting > 0:
            try:
                # Not `wait_for`, which on Python 3.11 can lose a Ctrl-C to a message that arrives at the same moment.
                async with asyncio.timeout(self._config.timeouts.total + _SILENCE):
                    message = await self._clients.messages.get()
            except TimeoutError:
                self._result.crashes.append("the client processes sent nothing for too long")
                return
            if isinstance(message, (last, ProcessExited)):
                waiting -= 1
            self._record(message)

    def _record(self, message: object) -> None:
        result = self._result
        if isinstance(message, CallOutcome):
            result.calls[message.number] = message
        elif isinstance(message, StreamOutcome):
            result.streams[message.number] = message
        elif isinstance(message, Settlement):
            result.settled[message.number] = message
        elif isinstance(message, JobDone):
            result.unsettled.update(message.unsettled)
        elif isinstance(message, LedgerTotals):
            result.ledgers.append(message)
        elif isinstance(message, ProcessExited) and message.code != 0:
            result.crashes.append(f"a client process exited with {message.code}: {message.error}")
        if isinstance(message, (CallOutcome, StreamOutcome)):
            self._schedule_kills()

    def _schedule_kills(self) -> None:
        ended, count, kills = self._result.ended, self._config.count, self._config.kills
        while len(self._kills) < kills and ended >= count * (len(self._kills) + 1) // (kills + 1):
            self._kills.append(asyncio.create_task(self._kill()))
        if ended % max(count // 10, 1) == 0:
            self._on_progress(f"{ended} of {count} {self._config.kind} ended")

    async def _kill(self) -> None:
        async with self._kill_lock:
            self._on_progress("server killed (-9) and restarted")
            await asyncio.to_thread(self._mock.restart)
            self._kill_count += 1


async def run(config: Config, on_progress: Callable[[str], None] = lambda _: None) -> Result:
    """Carry out a run; all its processes have ended when this returns or raises. Raises NotStartedError."""
    with tempfile.TemporaryDirectory(prefix="aurous-chaos-") as folder:
        return await ChaosRun(config, Path(folder), on_progress).run()
