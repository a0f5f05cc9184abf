#!/usr/bin/env python3
"""Measures what one core carries with this client, side by side with its peers, and what the mock costs.

    python3 scripts/bench.py [--only GROUP ...] [--quick] [--json FILE]
    python3 scripts/bench.py --check    exit 1 if a ratio is more than 20 % below the committed one
    python3 scripts/bench.py --record   write the ratios, the picture and the README's table, to be committed

What counts is CPU time, as ratios within one run: they repeat where wall time, on a shared machine, does not. Needs
nothing but Python and pip; best on Linux with two cores that have nothing else to do.
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
    from benchmarks.measuring import Results

ROUNDS, QUICK = 7, 3
# Load below which a machine has next to nothing else to do.
QUIET = 0.7


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
        chosen = groups.named(options.only)
        committed = records.ratios(records.read()) if options.check else {}
        if options.record:
            # Now, and not when all is measured.
            markdown.check(records.README.read_text(encoding="utf-8"))
    except (LookupError, ValueError, records.RecordError) as error:
        sys.exit(f"bench: {error.args[0]}")
    if cores.chosen()[1] is None:
        print("One core, or no way to choose one: the server takes its time from the clients, and figures are worse.")
    load = cores.load()
    if load is not None and load > QUIET:
        print(f"Others work on this machine (load {load:.1f}): figures are higher, ratios less steady.")
    results = _measure(chosen, options.rounds)
    print(*table.lines(chosen, results), sep="\n")
    record = records.record(chosen, results, rounds=options.rounds, load=load)
    if options.json:
        options.json.write_text(records.as_json(record), encoding="utf-8")
    if options.record:
        records.RATIOS.write_text(records.as_json(record), encoding="utf-8")
        records.PICTURE.write_text(plot.draw(record), encoding="utf-8")
        readme = records.README.read_text(encoding="utf-8")
        records.README.write_text(markdown.placed(readme, record), encoding="utf-8")
    verdicts = [verdict for group in chosen for verdict in thresholds.judge(group, results.series[group.name])]
    lost = [*thresholds.losses(verdicts, committed)]
    if lost:
        print("", *lost, sep="\n")
    return 1 if lost or results.failed else 0


def _measure(chosen: tuple[Group, ...], rounds: int) -> Results:
    from benchmarks import cores, measuring
    from benchmarks.serving import serving

    server_core, client_core = cores.chosen()
    cores.pin(client_core)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with serving(server_core) as url:
            return measuring.measure(chosen, url, server_core, rounds=rounds, tell=_tell)
    finally:
        _tell("")


def _tell(said: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{said}", end="", file=sys.stderr, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.py", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--only", nargs="+", default=[], metavar="GROUP", help="these groups, or all whose name begins so")
    add("--quick", action="store_true", help=f"{QUICK} rounds instead of {ROUNDS}")
    add("--rounds", type=int, metavar="N", help="so many rounds")
    add("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--check", action="store_true", help="compare with the committed ratios; exit 1 on a loss")
    after.add_argument("--record", action="store_true", help="write the committed ratios, picture and table")
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if options.record and (options.only or options.quick):
        parser.error("--record is of all groups and all rounds; leave out --only and --quick")
    if options.json:
        try:
            # Now, and not when all is measured.
            options.json.touch()
        except OSError as error:
            parser.error(f"--json {options.json}: {error.strerror}")
    options.rounds = options.rounds or (QUICK if options.quick else ROUNDS)
    return options


if __name__ == "__main__":
    sys.exit(main())
