"""One soak: starts mock server and clients, samples both processes for a while, and stops all."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from resilience.chaos.client_processes import ClientProcesses, ProcessExited
from resilience.chaos.protocol import ClientTimeouts, JobDone, Progress, SoakJob
from resilience.paced_mock import paced_mock
from resilience.soak.process_metrics import ProcessMetrics, Sample

# Samples of each process at most, and seconds between two at least.
_SAMPLES, _LEAST_PAUSE = 360, 0.1
# Seconds beyond a call's deadline without any message after which the clients count as hung.
_SILENCE: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of a soak.

    seconds:     how long clients are busy
    concurrency: how many streams and calls run at once
    pace:        tokens per second of each completion
    leak:        what the clients leak on purpose, as in `SoakJob`
    """

    seconds: float
    concurrency: int = 64
    pace: float = 5.0
    seed: int = 0
    leak: str = ""
    timeouts: ClientTimeouts = field(default_factory=lambda: ClientTimeouts(read=5.0, initial_delay=0.2))

    def job(self, url: str) -> SoakJob:
        return SoakJob(
            url=url,
            seconds=self.seconds,
            concurrency=self.concurrency,
            seed=self.seed,
            pace=self.pace,
            leak=self.leak,
            timeouts=self.timeouts,
        )


@dataclass(kw_only=True)
class Result:
    """What a soak observed."""

    config: Config
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {"client": [], "mock": []})
    closed: Sample | None = None
    """The client process after its clients were closed."""
    progress: Progress | None = None
    unsettled: tuple[str, ...] = ()
    """The completions that no client had settled at the end."""
    crashes: list[str] = field(default_factory=list)
    log: str = ""
    """Standard error of the server."""


class SoakRun:
    """A soak in progress."""

    def __init__(self, config: Config, folder: Path, on_progress: Callable[[str], None]) -> None:
        self._config = config
        self._on_progress = on_progress
        self._result = Result(config=config)
        # State in a file: the records that the contract demands would grow in memory.
        self._mock = paced_mock(folder)
        self._clients = ClientProcesses("resilience.soak.traffic")

    async def run(self) -> Result:
        result = self._result
        sampling: asyncio.Task[None] | None = None
        try:
            await asyncio.to_thread(self._mock.start)
            await self._clients.start([self._config.job(self._mock.url)])
            metrics_by_process = {
                "client": ProcessMetrics(self._clients.pids[0]),
                "mock": ProcessMetrics(self._mock.pid),
            }
            # Sampling begins with the traffic, after the imports.
            if await self._receive_until(Progress):
                sampling = asyncio.create_task(self._sample(metrics_by_process))
                if await self._receive_until(JobDone):
                    result.closed = metrics_by_process["client"].read(self._config.seconds)
                    self._clients.finish(settle=False)
                    await self._receive_until(ProcessExited)
        finally:
            if sampling is not None:
                sampling.cancel()
                await asyncio.gather(sampling, return_exceptions=True)
            await self._clients.stop()
            await asyncio.to_thread(self._mock.stop, 0)
        result.log = self._mock.log
        return result

    async def _receive_until(self, last: type[Progress | JobDone | ProcessExited]) -> bool:
        """Receive messages until the process has sent this one; whether it did."""
        while True:
            try:
                async with asyncio.timeout(self._config.timeouts.total + _SILENCE):
                    message = await self._clients.messages.get()
            except TimeoutError:
                self._result.crashes.append("the clients sent nothing for too long")
                return False
            if isinstance(message, Progress):
                self._result.progress = message
            elif isinstance(message, JobDone):
                self._result.unsettled = message.unsettled
            elif isinstance(message, ProcessExited) and (message.code != 0 or last is not ProcessExited):
                self._result.crashes.append(f"the client process exited with {message.code}: {message.error}")
                return False
            if isinstance(message, last):
                return True

    async def _sample(self, metrics_by_process: dict[str, ProcessMetrics]) -> None:
        began, config = time.monotonic(), self._config
        pause, logged = max(config.seconds / _SAMPLES, _LEAST_PAUSE), 0
        while (at := time.monotonic() - began) <= config.seconds - 1:
            for name, metrics in metrics_by_process.items():
                if (sample := metrics.read(at)) is not None:
                    self._result.samples[name].append(sample)
            if int(at * 10 / config.seconds) > logged and self._result.progress:
                logged = int(at * 10 / config.seconds)
                self._on_progress(self._progress_line())
            await asyncio.sleep(pause - (time.monotonic() - began) % pause)

    def _progress_line(self) -> str:
        progress = self._result.progress
        last = {name: samples[-1] for name, samples in self._result.samples.items() if samples}
        texts = [
            f"{name} {one.memory:.1f} MiB, {one.descriptors} descriptors, {one.connections} sockets, "
            f"{one.threads} threads"
            for name, one in last.items()
        ]
        return f"{sum(progress.endings.values()) if progress else 0:,} exchanges; {'; '.join(texts)}"


async def run(config: Config, on_progress: Callable[[str], None] = lambda _: None) -> Result:
    """Carry out a soak; all its processes have ended when this returns or raises. Raises NotStartedError."""
    with tempfile.TemporaryDirectory(prefix="aurous-soak-") as folder:
        return await SoakRun(config, Path(folder), on_progress).run()
