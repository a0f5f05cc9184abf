"""One trial from its beginning to its end: server, proxy and clients brought up, the server killed, all taken down.

Gathers what is told; what it means is for `charges` and `receipts`.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from resilience.chaos.client_processes import Crew, Ended
from resilience.chaos.fault_plan import Lots
from resilience.chaos.fault_proxy import Proxy
from resilience.chaos.protocol import Account, CallTold, Done, Job, Patience, Settled, StreamTold
from resilience.mock_process import Victim

Charge = dict[str, Any]
Crews = tuple[tuple[Literal["threads", "tasks"], int], ...]

# Seconds beyond the deadline of a call without a word from any process, after which they are taken for hung.
_SILENCE: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a trial is to be.

    count:      of calls or streams
    share:      of the exchanges that go wrong, from 0 to 1
    kills:      how often the server is killed, spread over the trial
    drops_keys: whether idempotency keys are lost on the way
    crews:      for each process, what its client waits with and how many calls it makes at once
    """

    kind: Literal["calls", "streams"]
    count: int
    seed: int = 0
    share: float = 0.3
    kills: int = 3
    drops_keys: bool = False
    patience: Patience = field(default_factory=Patience)
    crews: Crews = (("threads", 16), ("tasks", 32), ("threads", 16), ("tasks", 32))

    def jobs(self, url: str) -> Iterator[Job]:
        for place, (mode, at_once) in enumerate(self.crews):
            yield Job(
                url=url,
                kind=self.kind,
                mode=mode,
                seed=self.seed,
                first=place,
                stop=self.count,
                step=len(self.crews),
                at_once=at_once,
                patience=self.patience,
            )


@dataclass(kw_only=True)
class Evidence:
    """What was seen of a trial."""

    terms: Terms
    calls: dict[int, CallTold] = field(default_factory=dict)
    streams: dict[int, StreamTold] = field(default_factory=dict)
    settled: dict[int, Settled] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    """The completions whose price no client knew when every stream had ended."""
    crashes: list[str] = field(default_factory=list)
    """Why processes ended before their time, or did not end at all."""
    charges_before: list[Charge] = field(default_factory=list)
    """The server's ledger when every call had ended."""
    charges: list[Charge] = field(default_factory=list)
    """The server's ledger when all was settled."""
    seen: dict[int, set[str]] = field(default_factory=dict)
    """The completions that the proxy saw made for each call."""
    struck: Counter[str] = field(default_factory=Counter)
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


class Campaign:
    """A trial that runs."""

    def __init__(self, terms: Terms, folder: Path, say: Callable[[str], None]) -> None:
        self._terms = terms
        self._say = say
        self._evidence = Evidence(terms=terms)
        self._victim = Victim(folder)
        self._proxy = Proxy(Lots(terms.seed, terms.share), patience=terms.patience.read, drops_keys=terms.drops_keys)
        self._crew = Crew()
        self._kills: list[asyncio.Task[None]] = []
        self._turn = asyncio.Lock()

    async def run(self) -> Evidence:
        found = self._evidence
        try:
            await self._victim.start()
            url = await self._proxy.start(self._victim.port)
            began = time.monotonic()
            await self._crew.start(self._terms.jobs(url))
            await self._hear(Done)
            found.seconds = time.monotonic() - began
            await asyncio.gather(*self._kills)
            await self._proxy.calm()
            found.exchanges, found.outages = self._proxy.exchanges, self._proxy.outages
            found.charges_before = await self._victim.ledger()
            self._crew.give_word(settle=not self._terms.drops_keys)
            await self._hear(Ended)
            found.charges = await self._victim.ledger()
        finally:
            for kill in self._kills:
                kill.cancel()
            await asyncio.gather(*self._kills, return_exceptions=True)
            await self._crew.stop()
            await self._proxy.stop()
            await self._victim.stop()
        found.seen, found.struck = dict(self._proxy.seen), self._proxy.struck
        found.kills, found.log = self._victim.kills, self._victim.log
        return found

    async def _hear(self, last: type[Done | Ended]) -> None:
        """Listen until each process has said this."""
        waiting = len(self._crew) - len(self._evidence.crashes)
        while waiting > 0:
            try:
                # Not `wait_for`, which on Python 3.11 can lose a Ctrl-C to a word that comes at the same moment.
                async with asyncio.timeout(self._terms.patience.total + _SILENCE):
                    told = await self._crew.heard.get()
            except TimeoutError:
                self._evidence.crashes.append("no process has said anything for too long")
                return
            if isinstance(told, (last, Ended)):
                waiting -= 1
            self._take(told)

    def _take(self, told: object) -> None:
        found = self._evidence
        if isinstance(told, CallTold):
            found.calls[told.number] = told
        elif isinstance(told, StreamTold):
            found.streams[told.number] = told
        elif isinstance(told, Settled):
            found.settled[told.number] = told
        elif isinstance(told, Done):
            found.unsettled.update(told.unsettled)
        elif isinstance(told, Account):
            found.accounts.append(told)
        elif isinstance(told, Ended) and told.code != 0:
            found.crashes.append(f"a process ended with {told.code}: {told.said}")
        if isinstance(told, (CallTold, StreamTold)):
            self._keep_pace()

    def _keep_pace(self) -> None:
        ended, count, kills = self._evidence.ended, self._terms.count, self._terms.kills
        while len(self._kills) < kills and ended >= count * (len(self._kills) + 1) // (kills + 1):
            self._kills.append(asyncio.create_task(self._kill()))
        if ended % max(count // 10, 1) == 0:
            self._say(f"{ended} of {count} {self._terms.kind} have ended")

    async def _kill(self) -> None:
        async with self._turn:
            self._say("the server is killed (-9) and started again")
            await self._victim.kill()


async def run(terms: Terms, say: Callable[[str], None] = lambda _: None) -> Evidence:
    """Carry a trial out; nothing of it runs any more when this returns or raises. Raises VictimError."""
    with tempfile.TemporaryDirectory(prefix="aurous-trial-") as folder:
        return await Campaign(terms, Path(folder), say).run()
