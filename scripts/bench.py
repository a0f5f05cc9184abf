#!/usr/bin/env python3
"""Measures the CPU time of this client beside other clients, and the cost of the mock server.

    python3 scripts/bench.py [--only GROUP ...] [--quick] [--json FILE]
    python3 scripts/bench.py --check    exit 1 if a ratio is more than 20 % below the committed one
    python3 scripts/bench.py --record   write ratios, plot and README table, to be committed

It compares CPU times as ratios within one run, which repeat on a shared machine where wall times do not. Needs nothing
but Python and pip; best on Linux with two idle cores.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from environment import enter

if TYPE_CHECKING:
    from benchmarks.groups import Group
    from benchmarks.measurement import Results

ROUNDS, QUICK = 7, 3
# Load average below which the machine counts as idle.
QUIET_LOAD = 0.7


def main() -> int:
    options = _parse()
    enter()
    try:
        return _bench(options)
    except KeyboardInterrupt:
        return 130


def _bench(options: argparse.Namespace) -> int:
    from benchmarks import cores, groups, markdown, plot, records, table, thresholds

    try:
        selected = groups.select(options.only)
        committed = records.ratios(records.read()) if options.check else {}
        if options.record:
            # Before the measurement, not after it.
            markdown.SECTION.check(records.README)
    except (LookupError, ValueError, records.RecordError) as error:
        sys.exit(f"bench: {error.args[0]}")
    if cores.choose()[1] is None:
        print("One core, or no way to pin processes: server and clients share it, and figures are worse.")
    load = cores.load()
    if load is not None and load > QUIET_LOAD:
        print(f"The machine is busy (load {load:.1f}): figures are higher, ratios less stable.")
    results = _measure(selected, options.rounds)
    print(*table.lines(selected, results), sep="\n")
    record = records.record(selected, results, rounds=options.rounds, load=load)
    if options.json:
        options.json.write_text(records.as_json(record), encoding="utf-8")
    if options.record:
        records.RATIOS.write_text(records.as_json(record), encoding="utf-8")
        records.PICTURE.write_text(plot.draw(record), encoding="utf-8")
        markdown.SECTION.write(records.README, markdown.table(record))
    outcomes = [outcome for group in selected for outcome in thresholds.evaluate(group, results.series[group.name])]
    regressions = [*thresholds.regressions(outcomes, committed)]
    if regressions:
        print("", *regressions, sep="\n")
    return 1 if regressions or results.failed else 0


def _measure(selected: tuple[Group, ...], rounds: int) -> Results:
    from benchmarks import cores, measurement
    from benchmarks.server_process import run_server

    server_core, client_core = cores.choose()
    cores.pin(client_core)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with run_server(server_core) as url:
            return measurement.measure(selected, url, server_core, rounds=rounds, on_progress=_print_progress)
    finally:
        _print_progress("")


def _print_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.py", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--only", nargs="+", default=[], metavar="GROUP", help="only groups with this name or prefix")
    add("--quick", action="store_true", help=f"{QUICK} rounds instead of {ROUNDS}")
    add("--rounds", type=int, metavar="N", help="number of rounds")
    add("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--check", action="store_true", help="compare with the committed ratios; exit 1 on a regression")
    after.add_argument("--record", action="store_true", help="write the committed ratios, plot and table")
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if options.record and (options.only or options.quick):
        parser.error("--record needs all groups and rounds; leave out --only and --quick")
    if options.json:
        try:
            # Before the measurement, not after it.
            options.json.touch()
        except OSError as error:
            parser.error(f"--json {options.json}: {error.strerror}")
    options.rounds = options.rounds or (QUICK if options.quick else ROUNDS)
    return options


if __name__ == "__main__":
    sys.exit(main())
