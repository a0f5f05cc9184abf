"""A soak from its beginning to its end: server and clients brought up, both watched for a while, all taken down.

Gathers what is seen; what it means is for `flatness`.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from resilience.chaos.client_processes import Crew, Ended
from resilience.chaos.protocol import Done, Patience, Shift, Tally
from resilience.mock_process import Victim
from resilience.soak.process_metrics import Gauge, Sample

# How many samples a process is looked at by, at most, and seconds from one to the next, at least.
_SAMPLES, _LEAST_PAUSE = 360, 0.1
# Seconds without a word, beyond what a call may take, after which the clients are taken for hung.
_SILENCE: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a soak is to be.

    seconds: how long clients are busy
    at_once: how many streams and calls are under way
    pace:    tokens per second of each stream
    leak:    what the clients are to leak, as `Shift` has it
    """

    seconds: float
    at_once: int = 64
    pace: float = 5.0
    seed: int = 0
    leak: str = ""
    patience: Patience = field(default_factory=lambda: Patience(read=5.0, initial_delay=0.2))

    def shift(self, url: str) -> Shift:
        return Shift(
            url=url,
            seconds=self.seconds,
            at_once=self.at_once,
            seed=self.seed,
            pace=self.pace,
            leak=self.leak,
            patience=self.patience,
        )


@dataclass(kw_only=True)
class Evidence:
    """What was seen of a soak."""

    terms: Terms
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {"client": [], "mock": []})
    closed: Sample | None = None
    """The client's process once its clients were closed."""
    tally: Tally | None = None
    unsettled: tuple[str, ...] = ()
    """The completions whose price no client knew at the end."""
    crashes: list[str] = field(default_factory=list)
    log: str = ""
    """What the server wrote to standard error."""


class Endurance:
    """A soak that runs."""

    def __init__(self, terms: Terms, folder: Path, say: Callable[[str], None]) -> None:
        self._terms = terms
        self._say = say
        self._evidence = Evidence(terms=terms)
        # Its state is in a file: what it has to remember by its contract would grow in its memory.
        self._victim = Victim(folder)
        self._crew = Crew("resilience.soak.traffic")

    async def run(self) -> Evidence:
        found = self._evidence
        watching: asyncio.Task[None] | None = None
        try:
            await self._victim.start()
            await self._crew.start([self._terms.shift(f"http://127.0.0.1:{self._victim.port}")])
            gauges = {"client": Gauge(self._crew.ids[0]), "mock": Gauge(self._victim.id)}
            # The watch begins with the traffic, not with the loading of what makes it.
            if await self._hear(Tally):
                watching = asyncio.create_task(self._watch(gauges))
                if await self._hear(Done):
                    found.closed = gauges["client"].read(self._terms.seconds)
                    self._crew.give_word(settle=False)
                    await self._hear(Ended)
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await self._crew.stop()
            await self._victim.stop()
        found.log = self._victim.log
        return found

    async def _hear(self, last: type[Tally | Done | Ended]) -> bool:
        """Listen until the process has said this; whether it did."""
        while True:
            try:
                async with asyncio.timeout(self._terms.patience.total + _SILENCE):
                    told = await self._crew.heard.get()
            except TimeoutError:
                self._evidence.crashes.append("the clients have not said anything for too long")
                return False
            if isinstance(told, Tally):
                self._evidence.tally = told
            elif isinstance(told, Done):
                self._evidence.unsettled = told.unsettled
            elif isinstance(told, Ended) and (told.code != 0 or last is not Ended):
                self._evidence.crashes.append(f"the clients ended with {told.code}: {told.said}")
                return False
            if isinstance(told, last):
                return True

    async def _watch(self, gauges: dict[str, Gauge]) -> None:
        began, terms = time.monotonic(), self._terms
        pause, said = max(terms.seconds / _SAMPLES, _LEAST_PAUSE), 0
        while (at := time.monotonic() - began) <= terms.seconds - 1:
            for name, gauge in gauges.items():
                if (sample := gauge.read(at)) is not None:
                    self._evidence.samples[name].append(sample)
            if int(at * 10 / terms.seconds) > said and self._evidence.tally:
                said = int(at * 10 / terms.seconds)
                self._say(self._state())
            await asyncio.sleep(pause - (time.monotonic() - began) % pause)

    def _state(self) -> str:
        tally = self._evidence.tally
        last = {name: samples[-1] for name, samples in self._evidence.samples.items() if samples}
        told = [
            f"{name} {one.memory:.1f} MiB, {one.descriptors} descriptors, {one.connections} sockets, "
            f"{one.threads} threads"
            for name, one in last.items()
        ]
        return f"{sum(tally.endings.values()) if tally else 0:,} exchanges; {'; '.join(told)}"


async def run(terms: Terms, say: Callable[[str], None] = lambda _: None) -> Evidence:
    """Carry a soak out; nothing of it runs any more when this returns or raises. Raises VictimError."""
    with tempfile.TemporaryDirectory(prefix="aurous-soak-") as folder:
        return await Endurance(terms, Path(folder), say).run()
