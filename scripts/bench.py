#!/usr/bin/env python3
"""Measures the CPU time of this client beside other clients, and the cost of the mock server.

    python3 scripts/bench.py [--only GROUP ...] [--quick] [--json FILE]
    python3 scripts/bench.py --check    exit 1 if a ratio is more than 20 % below the committed one
    python3 scripts/bench.py --record   write ratios, plot and README table after each group, to be committed
    python3 scripts/bench.py --record --resume    only the groups that an interrupted record lacks

It compares CPU times as ratios within one run, which repeat on a shared machine where wall times do not. Needs nothing
but Python and pip; best on Linux with two idle cores.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from environment import INTERRUPTED, enter, exit_with
from resilience import arguments as checks

if TYPE_CHECKING:
    from benchmarks.groups import Group
    from benchmarks.measurement import Results, Rounds

# Rounds of a group, and the seconds after which it gets no more than the fewest.
LEAST, MOST, SECONDS = 3, 7, 20.0
# Load average below which the machine counts as idle.
QUIET_LOAD = 0.7


def main() -> int:
    options = _parse()
    try:
        enter()
        return _bench(options)
    except KeyboardInterrupt:
        return INTERRUPTED


def _bench(options: argparse.Namespace) -> int:
    from benchmarks import cores, groups, markdown, records, table, thresholds
    from benchmarks.recorder import Recorder

    try:
        selected = groups.select(options.only)
        committed = records.ratios(records.read()) if options.check else {}
        if options.record:
            # Before the measurement, not after it.
            markdown.SECTION.check(records.README)
    except (LookupError, ValueError, records.RecordError) as error:
        print(f"bench: {error.args[0]}", file=sys.stderr)
        return 2
    if options.resume:
        selected = records.outdated(records.read_if_any())
        print(f"{len(groups.GROUPS) - len(selected)} groups are recorded, {len(selected)} are to be measured.")
    if cores.choose()[1] is None:
        print("One core, or no way to pin processes: server and clients share it, and figures are worse.")
    load = cores.load()
    if load is not None and load > QUIET_LOAD:
        print(f"The machine is busy (load {load:.1f}): figures are higher, ratios less stable.")
    recorder = Recorder() if options.record else None

    def on_group(group: Group, results: Results) -> None:
        _print_progress("")
        print(*table.lines((group,), results), sep="\n", flush=True)
        if recorder is not None:
            recorder.add(group, results)

    try:
        results = _measure(selected, _rounds(options), on_group)
    except (KeyboardInterrupt, SystemExit):
        if recorder is not None:
            print(f"\n{recorder.count} groups were recorded; --record --resume measures the others.")
        raise
    if options.json:
        options.json.write_text(records.as_json(records.record(selected, results)), encoding="utf-8")
    outcomes = [outcome for group in selected for outcome in thresholds.evaluate(group, results.series[group.name])]
    regressions = [*thresholds.regressions(outcomes, committed)]
    if regressions:
        print("", *regressions, sep="\n")
    return 1 if regressions or results.failed else 0


def _rounds(options: argparse.Namespace) -> Rounds:
    from benchmarks.measurement import Rounds

    if options.rounds or options.quick:
        number = options.rounds or LEAST
        return Rounds(number, number)
    return Rounds(LEAST, MOST, SECONDS)


def _measure(selected: tuple[Group, ...], rounds: Rounds, on_group: Callable[[Group, Results], None]) -> Results:
    from benchmarks import cores, measurement
    from benchmarks.server_process import run_server

    server_core, client_core = cores.choose()
    cores.pin(client_core)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with run_server(server_core) as url:
            return measurement.measure(
                selected, url, server_core, rounds=rounds, on_progress=_print_progress, on_group=on_group
            )
    finally:
        _print_progress("")


def _print_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.py", description=(__doc__ or "").partition("\n")[0], allow_abbrev=False
    )
    add = parser.add_argument
    add("--only", nargs="+", default=[], metavar="GROUP", help="only groups with this name or prefix")
    add("--quick", action="store_true", help=f"{LEAST} rounds, not up to {MOST}")
    add(
        "--rounds",
        type=int,
        metavar="N",
        help=f"number of rounds; by default {LEAST} to {MOST}, until ratios are stable",
    )
    add("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--check", action="store_true", help="compare with the committed ratios; exit 1 on a regression")
    after.add_argument("--record", action="store_true", help="write the committed ratios, plot and table")
    add(
        "--resume", action="store_true", help="with --record: only groups that the record lacks, or has of other source"
    )
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if options.record and (options.only or options.quick):
        parser.error("--record needs all groups and rounds; leave out --only and --quick")
    if options.resume and not options.record:
        parser.error("--resume continues a record; add --record")
    checks.check_output_files(parser, options.json)
    return options


if __name__ == "__main__":
    exit_with(main)
