#!/usr/bin/env python3
"""Shows that calls are charged exactly once and that streams tell what they cost, on a network that fails.

    python3 scripts/chaos.py [calls] [without-keys] [streams] [--calls N] [--streams N] [--seed N] [--json FILE]

The mock server runs behind a proxy that spoils three exchanges in ten, before or after the work is done: connections
reset, stalled or cut, errors as HTML and JSON, requests delivered twice or overtaken by a copy. It is killed (-9) three
times meanwhile, and started again on its state. Clients in threads and tasks, in four processes, make calls; the same
without idempotency keys shows what those are for; streams are cut off at random points. What the clients say is then
held against the server's ledger.

Exit codes: 0 every claim holds, 1 one does not, 2 the command line has a fault, 130 interrupted. The same seed lets the
same attempts go wrong. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from environment import enter
from resilience import arguments as checks

if TYPE_CHECKING:
    from resilience.chaos.chaos_run import Terms
    from resilience.report import Verdict

PARTS = ("calls", "without-keys", "streams")
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    enter()
    from resilience.mock_process import VictimError
    from resilience.report import tell

    try:
        return tell((asyncio.run(_try(part, options)) for part in options.parts), options.json)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("chaos: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
    except VictimError as error:
        print(f"chaos: the mock server cannot run: {error}", file=sys.stderr)
        return 1


async def _try(part: str, options: argparse.Namespace) -> Verdict:
    from resilience.chaos import chaos_run, charge_audit, stream_audit

    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):
        # Ctrl-C ends a run in good order by itself; so do those that others send.
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    began = time.monotonic()
    terms = _terms(part, options)
    print(f"{terms.count:,} {part} ...", flush=True)
    evidence = await chaos_run.run(
        terms, lambda text: print(f"  {time.monotonic() - began:6.1f} s  {text}", flush=True)
    )
    judge = {"calls": charge_audit.judge, "without-keys": charge_audit.contrast, "streams": stream_audit.judge}[part]
    return judge(evidence)


def _terms(part: str, options: argparse.Namespace) -> Terms:
    from resilience.chaos.chaos_run import Crews, Terms

    if part == "streams":
        # Fewer at once than calls: those that are under way when the server is killed are lost.
        crews: Crews = (("threads", 8), ("tasks", 16), ("threads", 8), ("tasks", 16))
        return Terms(kind="streams", count=options.streams, seed=options.seed, kills=options.kills, crews=crews)
    without = part == "without-keys"
    # A tenth is enough to see the difference, unless it was asked for alone.
    count = options.calls if not without or options.parts == [part] else max(options.calls // 10, 1)
    return Terms(kind="calls", count=count, seed=options.seed, kills=options.kills, drops_keys=without)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos.py", description=__doc__.splitlines()[0] if __doc__ else "")
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"what to do: {', '.join(PARTS)} (default: all)")
    add("--calls", type=checks.count, default=10_000, metavar="N", help="how many calls (default: 10000)")
    add("--streams", type=checks.count, default=2_000, metavar="N", help="how many streams (default: 2000)")
    add("--kills", type=int, default=3, metavar="N", help="how often the server is killed in each part (default: 3)")
    add("--seed", type=int, default=0, metavar="N", help="of the faults (default: 0)")
    add("--json", type=Path, metavar="FILE", help="write the figures and findings as JSON")
    options = parser.parse_args(arguments)
    options.parts = checks.chosen(parser, options.parts, PARTS)
    checks.check_folders(parser, options.json)
    return options


if __name__ == "__main__":
    sys.exit(main())
