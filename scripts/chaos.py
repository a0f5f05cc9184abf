#!/usr/bin/env python3
"""Shows that calls are charged exactly once, and streams report their price, on a failing network.

    python3 scripts/chaos.py [calls] [without-keys] [streams] [batch] [--calls N] [--streams N] [--lines N] [--seed N]
                             [--retry-quota N|none] [--json FILE]
    .venv/bin/nox -s cluster -- [--rows N] [--json FILE]    # `cluster`, in an environment that has Ray

The mock server runs behind a proxy that injects a fault into three exchanges in ten, before or after the server has
processed the request: connections reset, stalled or cut, errors as HTML and JSON, requests delivered twice or overtaken
by a duplicate. The server is killed (-9) three times and restarted on its state. Clients in threads and tasks, in four
processes, make calls; the same calls without idempotency keys show what the keys are worth; streams are cut at random
points; a batch, `aurous batch`, is killed as often as the server. What the clients know is then compared with the
server's ledger. `cluster`, which has to be named, asks rows on a cluster of Ray with two nodes on this machine, without
faults of the network, and kills one of the nodes (-9) halfway.

Exit codes: 0 every check passed, 1 one failed, 2 usage error, 130 interrupted. The same seed gives the same faults to
the same attempts. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from environment import INTERRUPTED, enter, exit_with
from resilience import arguments as checks

if TYPE_CHECKING:
    from resilience.chaos.chaos_run import Config
    from resilience.report import RunReport

PARTS = ("calls", "without-keys", "streams", "batch")
# Needs what is not among the development dependencies.
CLUSTER = "cluster"


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    enter()
    from resilience.cluster.ray_nodes import NodeError
    from resilience.report import print_reports
    from testkit.mock_process import NotStartedError

    if CLUSTER in options.parts and importlib.util.find_spec("ray") is None:
        print("chaos: ray is not installed here; run .venv/bin/nox -s cluster", file=sys.stderr)
        return 2
    try:
        return print_reports((asyncio.run(_run(part, options)) for part in options.parts), options.json)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("chaos: interrupted; all processes are stopped", file=sys.stderr)
        return INTERRUPTED
    except (NotStartedError, NodeError) as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 1


async def _run(part: str, options: argparse.Namespace) -> RunReport:
    from resilience.chaos import batch_run, chaos_run, charge_audit, stream_audit

    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):
        # asyncio handles Ctrl-C by itself; these signals stop a run in the same way.
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    began = time.monotonic()

    def show(text: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {text}", flush=True)

    if part == "batch":
        print(f"a batch of {options.lines:,} lines ...", flush=True)
        batch = batch_run.BatchConfig(count=options.lines, seed=options.seed, kills=options.kills)
        return await batch_run.run(batch, show)
    if part == CLUSTER:
        from resilience.cluster import cluster_run

        print(f"{options.rows:,} rows on a cluster ...", flush=True)
        return cluster_run.run(options.rows, show)
    config = make_config(part, options)
    print(f"{config.count:,} {part} ...", flush=True)
    result = await chaos_run.run(config, show)
    evaluate = {
        "calls": charge_audit.evaluate,
        "without-keys": charge_audit.evaluate_without_keys,
        "streams": stream_audit.evaluate,
    }[part]
    return evaluate(result)


def make_config(part: str, options: argparse.Namespace) -> Config:
    from resilience.chaos.chaos_run import Config, WorkerModes

    if part == "streams":
        # Fewer at once than calls: a kill of the server ends all that run.
        workers: WorkerModes = (("threads", 8), ("tasks", 16), ("threads", 8), ("tasks", 16))
        return Config(
            kind="streams",
            count=options.streams,
            seed=options.seed,
            kills=options.kills,
            workers=workers,
            retry_quota=options.retry_quota,
        )
    without_keys = part == "without-keys"
    # A tenth shows the difference, unless this part was chosen alone.
    count = options.calls if not without_keys or options.parts == [part] else max(options.calls // 10, 1)
    return Config(
        kind="calls",
        count=count,
        seed=options.seed,
        kills=options.kills,
        drops_keys=without_keys,
        retry_quota=options.retry_quota,
    )


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="chaos.py", description=__doc__.splitlines()[0] if __doc__ else "", allow_abbrev=False
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"parts to run: {', '.join(PARTS)} (default: these), {CLUSTER}")
    add("--calls", type=checks.count, default=10_000, metavar="N", help="number of calls (default: 10000)")
    add("--streams", type=checks.count, default=2_000, metavar="N", help="number of streams (default: 2000)")
    add("--lines", type=checks.count, default=10_000, metavar="N", help="lines of the batch (default: 10000)")
    add("--rows", type=checks.count, default=20_000, metavar="N", help="rows on the cluster (default: 20000)")
    add("--kills", type=checks.whole, default=3, metavar="N", help="kills of the server in each part (default: 3)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the faults (default: 0)")
    add(
        "--retry-quota",
        type=checks.quota,
        default=None,
        metavar="N|none",
        help="tokens of each client's retry quota, 0 for no retries (default: none, for no bound, since retries "
        "are what could charge twice)",
    )
    add("--json", type=Path, metavar="FILE", help="write figures and checks as JSON")
    options = parser.parse_args(arguments)
    options.parts = checks.choose_parts(parser, options.parts, (*PARTS, CLUSTER)) if options.parts else list(PARTS)
    checks.check_output_files(parser, options.json)
    return options


if __name__ == "__main__":
    exit_with(main)
