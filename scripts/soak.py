#!/usr/bin/env python3
"""Shows that client and mock server use no more resources after half an hour than after a few minutes.

    python3 scripts/soak.py [--minutes N] [--concurrency N] [--pace N] [--seed N] [--json FILE] [--plot FILE]

Sixty-four streams and calls run all the time, from threads and from tasks on both backends; some get a fault from the
mock, some are abandoned. Memory, file descriptors, sockets and threads of both processes are sampled throughout;
`scripts/resilience/soak/leak_check.py` defines level. Completions are paced, so a run takes a fraction of a core.

Exit codes: 0 all is level, 1 something is not or failed, 2 usage error, 130 interrupted. `--leak` makes the clients
leak on purpose, to show that it is detected. Needs nothing but Python and pip.
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

from environment import INTERRUPTED, enter, exit_with
from resilience import arguments as checks

if TYPE_CHECKING:
    from resilience.soak.soak_run import Result

LEAKS = ("memory", "streams", "threads")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    enter()
    from resilience.soak import leak_check, plot
    from testkit.mock_process import NotStartedError

    try:
        result = asyncio.run(_soak(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("soak: interrupted; all processes are stopped", file=sys.stderr)
        return INTERRUPTED
    except NotStartedError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    report = leak_check.evaluate(result)
    print(f"\n{report.as_text()}\n", flush=True)
    if options.json:
        options.json.write_bytes(leak_check.as_json(result, report))
    if options.plot:
        options.plot.write_text(plot.draw(result), encoding="utf-8")
    return 0 if report.passed else 1


async def _soak(options: argparse.Namespace) -> Result:
    from resilience.soak import soak_run

    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):
        # asyncio handles Ctrl-C by itself; these signals stop a run in the same way.
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    config = soak_run.Config(
        seconds=options.minutes * 60,
        concurrency=options.concurrency,
        pace=options.pace,
        seed=options.seed,
        leak=options.leak or "",
    )
    print(f"{config.concurrency} streams and calls at once for {options.minutes:g} minutes ...", flush=True)
    began = time.monotonic()
    return await soak_run.run(config, lambda text: print(f"  {time.monotonic() - began:6.1f} s  {text}", flush=True))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="soak.py", description=__doc__.splitlines()[0] if __doc__ else "", allow_abbrev=False
    )
    add = parser.add_argument
    add("--minutes", type=_positive, default=30.0, metavar="N", help="how long (default: 30)")
    add("--concurrency", type=_count, default=64, metavar="N", help="streams and calls at once (default: 64)")
    add("--pace", type=_positive, default=5.0, metavar="N", help="tokens per second of each completion (default: 5)")
    add("--seed", type=int, default=0, metavar="N", help="seed of requests and faults (default: 0)")
    add("--leak", choices=LEAKS, help="make the clients leak on purpose")
    add("--json", type=Path, metavar="FILE", help="write figures, checks and samples as JSON")
    add("--plot", type=Path, metavar="FILE", help="plot the samples as SVG")
    options = parser.parse_args(arguments)
    checks.check_output_files(parser, options.json, options.plot)
    return options


def _positive(text: str) -> float:
    value = float(text)
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 3:
        raise argparse.ArgumentTypeError("must be at least 3, one for each kind of worker")
    return value


if __name__ == "__main__":
    exit_with(main)
