"""A batch on a failing network: `aurous batch` through the fault proxy, while client and server are killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from aurous.batch import read
from aurous.cli.arguments import NO_ANSWER, SOME_FAILED
from aurous_mock.settings import DEFAULT_KEY

from resilience.chaos.client_driver import make_request
from resilience.chaos.fault_plan import FaultPlan
from resilience.chaos.fault_proxy import Proxy
from resilience.paced_mock import paced_mock
from resilience.report import Check, RunReport, summarize

_POLL: Final = 0.05
# How often the command may end before every line has an answer: an outage at its start, or lines that failed.
_MAX_RERUNS: Final = 50
_TOKENS: Final = 8


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """Settings of a run.

    count:   of lines
    share:   of the exchanges that get a fault, from 0 to 1
    kills:   how often the client is killed, and as often the server, in turn
    timeout: seconds of one attempt
    """

    count: int
    seed: int = 0
    share: float = 0.3
    kills: int = 3
    timeout: float = 2.0


class BatchRun:
    """A run in progress: one command after another, until every line has an answer."""

    def __init__(self, config: BatchConfig, folder: Path, on_progress: Callable[[str], None]) -> None:
        self._config = config
        self._on_progress = on_progress
        self._input, self._output, self._log = folder / "prompts.jsonl", folder / "answers.jsonl", folder / "log"
        self._mock = paced_mock(folder)
        self._proxy = Proxy(FaultPlan(config.seed, config.share), read_timeout=config.timeout)
        self._kills = {"client": 0, "server": 0}
        self._reruns: Counter[int] = Counter()

    async def run(self) -> RunReport:
        lines = (make_request(number, _TOKENS) for number in range(self._config.count))
        self._input.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        try:
            await asyncio.to_thread(self._mock.start)
            url = await self._proxy.start(self._mock.port)
            began = time.monotonic()
            await self._send(url)
            seconds = time.monotonic() - began
            await self._proxy.calm()
            charges = await asyncio.to_thread(self._mock.ledger)
        finally:
            await self._proxy.stop()
            await asyncio.to_thread(self._mock.stop, 0)
        return self.evaluate(seconds, charges)

    async def _send(self, url: str) -> None:
        """Run the command again and again, as an operator would, until it reports that every line has an answer."""
        flags: tuple[str, ...] = ()
        while self._reruns.total() <= _MAX_RERUNS:
            code = await self._run_command(url, flags)
            if code == 0:
                return
            if code is None:
                continue
            self._reruns[code] += 1
            if code not in (NO_ANSWER, SOME_FAILED):
                return
            flags = ("--retry-failed",) if code == SOME_FAILED else flags

    async def _run_command(self, url: str, flags: tuple[str, ...]) -> int | None:
        """The exit code of one command; None if it was killed."""
        command = [sys.executable, "-m", "aurous", "batch", str(self._input), "-o", str(self._output), "--quiet"]
        command += ["--base-url", url, "--timeout", f"{self._config.timeout:g}", *flags]
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, env={**os.environ, "AUROUS_API_KEY": DEFAULT_KEY}
            )
        try:
            while process.returncode is None:
                if await self._kill_when_due(process):
                    return None
                await asyncio.sleep(_POLL)
            return process.returncode
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _kill_when_due(self, process: asyncio.subprocess.Process) -> bool:
        """Kill client or server once enough lines have a record. True if it was the client."""
        killed, planned = sum(self._kills.values()), 2 * self._config.kills
        if killed >= planned:
            return False
        records = self._count_records()
        if records < self._config.count * (killed + 1) // (planned + 1):
            return False
        victim = "client" if killed % 2 == 0 else "server"
        self._kills[victim] += 1
        self._on_progress(f"{records} of {self._config.count} lines; {victim} killed (-9) and restarted")
        if victim == "server":
            await asyncio.to_thread(self._mock.restart)
            return False
        process.kill()
        await process.wait()
        return True

    def _count_records(self) -> int:
        return self._output.read_bytes().count(b"\n") if self._output.exists() else 0

    def evaluate(self, seconds: float, charges: list[dict[str, Any]]) -> RunReport:
        """Compare the output with the ledger of the server."""
        config, records = self._config, list(read(self._output)) if self._output.exists() else []
        answered = {record["aurous"]["line"]: record["aurous"] for record in records if record["error"] is None}
        keys = {own["idempotency_key"] for own in answered.values()}
        charged = Counter(charge["idempotency_key"] for charge in charges)
        repeated = [key for key, times in charged.items() if times > 1]
        receipts = sum((Decimal(own["receipt"]["credits"]) for own in answered.values()), Decimal(0))
        total = sum((Decimal(str(charge["credits_charged"])) for charge in charges), Decimal(0))
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        unexpected = [code for code in self._reruns if code not in (NO_ANSWER, SOME_FAILED)]
        figures = {
            "seconds": round(seconds, 1),
            "lines": config.count,
            "exchanges": self._proxy.exchanges,
            "exchanges with a fault": self._proxy.injected.total(),
            "exchanges without a server": self._proxy.outages,
            "kills (-9)": self._kills,
            "commands that ended early": {f"exit code {code}": times for code, times in self._reruns.items()},
            "answers that had been charged before": sum(own["receipt"]["replayed"] for own in answered.values()),
            "charges": len(charges),
        }
        return RunReport(
            f"A batch of {config.count:,} lines, seed {config.seed}",
            figures,
            [
                Check(
                    "every line has one answer",
                    len(records) == len(answered) == config.count,
                    f"{len(answered):,} answers in {len(records):,} records for {config.count:,} lines",
                ),
                Check("no line was charged twice", not repeated, summarize(repeated)),
                Check(
                    "each line was charged, and nothing else", keys == set(charged), f"{len(charged):,} keys charged"
                ),
                Check("the receipts add up to the server's ledger", receipts == total, f"{receipts} of {total}"),
                Check(
                    f"client and server were killed {config.kills} times each",
                    set(self._kills.values()) == {config.kills},
                ),
                Check(
                    "each command ended as documented, without a traceback",
                    not unexpected and "Traceback" not in log + self._mock.log,
                    summarize(unexpected),
                ),
            ],
        )


async def run(config: BatchConfig, on_progress: Callable[[str], None] = lambda _: None) -> RunReport:
    """Carry out a run; all its processes have ended when this returns or raises. Raises NotStartedError."""
    with tempfile.TemporaryDirectory(prefix="aurous-chaos-") as folder:
        return await BatchRun(config, Path(folder), on_progress).run()
