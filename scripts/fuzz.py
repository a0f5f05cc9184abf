#!/usr/bin/env python3
"""Shows that the client stands a hostile server, and the mock server a hostile caller.

    python3 scripts/fuzz.py [client] [mock] [--cases N] [--seed N] [--json FILE]

client: valid answers, errors and streams are spoilt, in bytes and in structure, and read by the client: most of them
without a network, some over sockets. It may raise AurousErrors or give results, in time and within its limits of size.
mock:   schemathesis makes requests of the contract, valid ones and others, and sends them to the mock in process. None
may be answered by a 5xx or leave a traceback in the log.

Exit codes: 0 every claim holds, 1 one does not, 2 the command line has a fault, 130 interrupted. The same seed gives
the same cases. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from environment import enter
from resilience import arguments as checks

if TYPE_CHECKING:
    from resilience.report import Verdict

PARTS = ("client", "mock")
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    enter()
    from resilience.report import tell

    try:
        return tell((_try(part, options) for part in options.parts), options.json)
    except KeyboardInterrupt:
        print("fuzz: interrupted", file=sys.stderr)
        return INTERRUPTED


def _try(part: str, options: argparse.Namespace) -> Verdict:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {text}", flush=True)

    print(f"{part}: {options.cases:,} cases ...", flush=True)
    if part == "mock":
        from fuzzing import fuzz_mock

        return fuzz_mock.judge(fuzz_mock.run(options.cases, options.seed, say))
    from fuzzing import fuzz_client

    return fuzz_client.judge(fuzz_client.run(options.cases, options.seed, say))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz.py", description=__doc__.splitlines()[0] if __doc__ else "")
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"what to do: {', '.join(PARTS)} (default: both)")
    add("--cases", type=checks.count, default=100_000, metavar="N", help="how many cases of each (default: 100000)")
    add("--seed", type=int, default=0, metavar="N", help="of the cases (default: 0)")
    add("--json", type=Path, metavar="FILE", help="write the figures and findings as JSON")
    options = parser.parse_args(arguments)
    options.parts = checks.chosen(parser, options.parts, PARTS)
    checks.check_folders(parser, options.json)
    return options


if __name__ == "__main__":
    sys.exit(main())
