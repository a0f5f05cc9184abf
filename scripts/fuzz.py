#!/usr/bin/env python3
"""Shows that the client withstands hostile responses, and the mock server hostile requests.

    python3 scripts/fuzz.py [client] [mock] [--cases N] [--seed N] [--json FILE]

client: mutates valid results, errors and streams, in bytes and in structure, and gives them to the client: most without
a network, some over sockets. It may return results or raise AurousErrors, in time and within its size limits.
mock:   sends the mock, in process, what schemathesis generates from the spec, valid and invalid. No response may be a
5xx, and the log may have no traceback.

Exit codes: 0 every check passed, 1 one failed, 2 usage error, 130 interrupted. The same seed gives
the same cases. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from environment import INTERRUPTED, enter, exit_with
from resilience import arguments as checks

if TYPE_CHECKING:
    from resilience.report import RunReport

PARTS = ("client", "mock")


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    enter()
    from resilience.report import print_reports

    try:
        return print_reports((_run(part, options) for part in options.parts), options.json)
    except KeyboardInterrupt:
        print("fuzz: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(part: str, options: argparse.Namespace) -> RunReport:
    began = time.monotonic()

    def on_progress(text: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {text}", flush=True)

    print(f"{part}: {options.cases:,} cases ...", flush=True)
    if part == "mock":
        from fuzzing import fuzz_mock

        return fuzz_mock.evaluate(fuzz_mock.run(options.cases, options.seed, on_progress))
    from fuzzing import fuzz_client

    return fuzz_client.evaluate(fuzz_client.run(options.cases, options.seed, on_progress))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="fuzz.py", description=__doc__.splitlines()[0] if __doc__ else "", allow_abbrev=False
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"parts to run: {', '.join(PARTS)} (default: both)")
    add("--cases", type=checks.count, default=100_000, metavar="N", help="cases of each part (default: 100000)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the cases (default: 0)")
    add("--json", type=Path, metavar="FILE", help="write figures and checks as JSON")
    options = parser.parse_args(arguments)
    options.parts = checks.choose_parts(parser, options.parts, PARTS)
    checks.check_output_files(parser, options.json)
    return options


if __name__ == "__main__":
    exit_with(main)
