#!/usr/bin/env python3
"""Shows that a client and the mock server hold no more after half an hour than after a few minutes.

    python3 scripts/soak.py [--minutes N] [--at-once N] [--pace N] [--seed N] [--json FILE] [--plot FILE]

Sixty-four streams and calls are under way all the time, from threads and from tasks on both kinds of connections; some
are spoilt by the mock, some left early. Memory, file descriptors, sockets and threads of both processes are looked at
all along; `scripts/resilience/soak/leak_check.py` defines flat. Answers are paced: it takes a fraction of a core.

Exit codes: 0 all is flat, 1 something is not, or broke, 2 the command line has a fault, 130 interrupted. `--leak` lets
the clients leak, to show that it would be seen. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from environment import enter
from resilience import arguments as checks

if TYPE_CHECKING:
    from resilience.soak.soak_run import Evidence

LEAKS = ("memory", "streams", "threads")
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    enter()
    from resilience.mock_process import VictimError
    from resilience.soak import leak_check, plot

    try:
        evidence = asyncio.run(_soak(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("soak: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
    except VictimError as error:
        print(f"soak: the mock server cannot run: {error}", file=sys.stderr)
        return 1
    verdict = leak_check.judge(evidence)
    print(f"\n{verdict.as_text()}\n", flush=True)
    if options.json:
        options.json.write_bytes(leak_check.as_json(evidence, verdict))
    if options.plot:
        options.plot.write_text(plot.draw(evidence), encoding="utf-8")
    return 0 if verdict.is_good else 1


async def _soak(options: argparse.Namespace) -> Evidence:
    from resilience.soak import soak_run

    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):
        # Ctrl-C ends a run in good order by itself; so do those that others send.
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    terms = soak_run.Terms(
        seconds=options.minutes * 60,
        at_once=options.at_once,
        pace=options.pace,
        seed=options.seed,
        leak=options.leak or "",
    )
    print(f"{terms.at_once} streams and calls at once, for {options.minutes:g} minutes ...", flush=True)
    began = time.monotonic()
    return await soak_run.run(terms, lambda text: print(f"  {time.monotonic() - began:6.1f} s  {text}", flush=True))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak.py", description=__doc__.splitlines()[0] if __doc__ else "")
    add = parser.add_argument
    add("--minutes", type=_positive, default=30.0, metavar="N", help="how long (default: 30)")
    add("--at-once", type=_count, default=64, metavar="N", help="streams and calls under way (default: 64)")
    add("--pace", type=_positive, default=5.0, metavar="N", help="tokens per second of each answer (default: 5)")
    add("--seed", type=int, default=0, metavar="N", help="of what is asked and what goes wrong (default: 0)")
    add("--leak", choices=LEAKS, help="let the clients keep what they should let go of")
    add("--json", type=Path, metavar="FILE", help="write figures, findings and samples as JSON")
    add("--plot", type=Path, metavar="FILE", help="write the samples as an SVG picture")
    options = parser.parse_args(arguments)
    checks.check_folders(parser, options.json, options.plot)
    return options


def _positive(text: str) -> float:
    value = float(text)
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 3:
        raise argparse.ArgumentTypeError("must be at least 3, one of each kind")
    return value


if __name__ == "__main__":
    sys.exit(main())
