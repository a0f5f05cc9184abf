#!/usr/bin/env python3
"""Runs the clients of other people against the mock server, each in an environment of its own.

    python3 scripts/compat.py --list
    python3 scripts/compat.py [--only NAME ...] [--missing] [--record]

Each client is installed from its registry into a temporary folder, asked for a call, a stream, tools, a structured
answer and an error, and removed again: about half a minute each. With --record, results are kept after each client, and
the page conformance/COMPATIBILITY.md is written anew; a run that was interrupted goes on with --missing.

Exit codes: 0 no check failed, 1 one failed, 2 usage error, 130 interrupted. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import sys

from environment import enter

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    enter()
    from compatibility import runner, table
    from compatibility.clients import CLIENTS, select

    if options.list:
        for client in CLIENTS.values():
            print(f"{client.name:<24} {' '.join(client.installed)}")
        return 0
    try:
        selected = select(options.only)
    except LookupError as error:
        parser.error(str(error.args[0]))
    results, failed = table.read(), False
    if options.missing:
        selected = [client for client in selected if client.name not in results]
    try:
        for client in selected:
            print(f"{client.name} ...", flush=True)
            result = results[client.name] = runner.run(client)
            failed = failed or bool(result.failures)
            for failure in result.failures:
                print(f"  failed: {failure}", flush=True)
            if options.record:
                table.write(results)
    except KeyboardInterrupt:
        print("compat: interrupted; what was tested is recorded with --record", file=sys.stderr)
        return INTERRUPTED
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compat.py", description=__doc__.splitlines()[0] if __doc__ else "")
    add = parser.add_argument
    add("--list", action="store_true", help="list the clients, and what is installed for each")
    add("--only", nargs="+", default=[], metavar="NAME", help="run only these clients (default: all)")
    add("--missing", action="store_true", help="run only clients without a recorded result")
    add("--record", action="store_true", help="keep the results, and write conformance/COMPATIBILITY.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
