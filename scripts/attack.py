#!/usr/bin/env python3
"""Attacks the mock server, the client and the suite, and reports what each attack costs them.

    python3 scripts/attack.py --list
    python3 scripts/attack.py [--only NAME ...] [--json FILE]
    python3 scripts/attack.py --record [--only NAME ...]

Each attack is a bounded run against 127.0.0.1, in processes of its own: it starts the mock server, or a hostile server
for the client or the suite, does harm, and checks the bounds that SECURITY.md states. `--record` writes figures there.

Exit codes: 0 every check passed, 1 one failed, 2 usage error, 130 interrupted. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from environment import INTERRUPTED, enter, exit_with
from resilience import arguments as checks

if TYPE_CHECKING:
    from attacks.registry import Attack
    from resilience.report import RunReport


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    checks.check_output_files(parser, options.json)
    enter()
    from attacks import record
    from attacks.registry import all_attacks, select
    from resilience.report import print_reports

    if options.list:
        for attack in all_attacks().values():
            print(f"{attack.name:<20} {attack.target:<7} {attack.summary}")
        return 0
    try:
        selected = select(options.only)
        if options.record:
            record.SECTION.check(record.DOCUMENT)
    except (LookupError, ValueError) as error:
        parser.error(str(error.args[0]))
    reports: list[RunReport] = []
    try:
        code = print_reports(_run(selected, reports), options.json)
    except KeyboardInterrupt:
        print("attack: interrupted; all processes are stopped", file=sys.stderr)
        return INTERRUPTED
    if options.record:
        record.write(selected, reports, list(all_attacks()))
    return code


def _run(selected: list[Attack], reports: list[RunReport]) -> Iterator[RunReport]:
    """Carry out the attacks, and append and yield the report of each."""
    from attacks import runner

    for attack in selected:
        print(f"{attack.name} ...", flush=True)
        reports.append(runner.run(attack))
        yield reports[-1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="attack.py", description=__doc__.splitlines()[0] if __doc__ else "", allow_abbrev=False
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the attacks")
    add("--only", nargs="+", default=[], metavar="NAME", help="run only these attacks (default: all)")
    add("--record", action="store_true", help="write figures of the attacks that are run into the table of SECURITY.md")
    add("--json", type=Path, metavar="FILE", help="write figures and checks as JSON")
    return parser


if __name__ == "__main__":
    exit_with(main)
