#!/usr/bin/env python3
"""Runs the clients of other people against the mock server, and engines of other people behind the gateway.

    python3 scripts/compat.py --list
    python3 scripts/compat.py [--only NAME ...] [--missing] [--record]
    python3 scripts/compat.py --engines [--only NAME ...] [--missing] [--record] [--environments FOLDER]

Each client is installed from its registry into a temporary folder, asked for a call, a stream, tools, a structured
answer and an error, and removed again: about half a minute each. Each engine is installed and started, with
`aurous-mock --upstream` before it, and asked by two clients; `transformers serve` gets a tiny random model that is made
here, and needs torch. With --record, results are kept after each one, and the page conformance/COMPATIBILITY.md is
written anew; a run that was interrupted goes on with --missing.

Exit codes: 0 no check failed, 1 one failed, 2 usage error, 130 interrupted. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from environment import INTERRUPTED, enter, exit_with

if TYPE_CHECKING:
    from compatibility.runner import Result


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.environments and not options.engines:
        parser.error("--environments keeps those of --engines")
    enter()
    from compatibility import clients, engine_runner, engines, runner, table

    if options.list:
        for client in clients.CLIENTS.values():
            print(f"{client.name:<24} {' '.join(client.installed)}")
        for engine in engines.ENGINES.values():
            print(f"{engine.name:<24} {' '.join(engine.requirements)} (--engines)")
        return 0
    runs: dict[str, Callable[[], Result]] = {}
    try:
        if options.engines:
            results, write = table.read_engines(), table.write_engines
            for engine in engines.select(options.only):
                runs[engine.name] = partial(engine_runner.run, engine, options.environments)
        else:
            results, write = table.read(), table.write
            for client in clients.select(options.only):
                runs[client.name] = partial(runner.run, client)
    except LookupError as error:
        parser.error(str(error.args[0]))
    selected = [name for name in runs if not (options.missing and name in results)]
    try:
        return 1 if _run(selected, runs, results, write if options.record else None) else 0
    except KeyboardInterrupt:
        print("compat: interrupted; what was tested is recorded with --record", file=sys.stderr)
        return INTERRUPTED


def _run(
    names: Iterable[str],
    runs: dict[str, Callable[[], Result]],
    results: dict[str, Result],
    write: Callable[[dict[str, Result]], None] | None,
) -> bool:
    """Whether a check failed. Each result is written at once."""
    has_failed = False
    for name in names:
        print(f"{name} ...", flush=True)
        result = results[name] = runs[name]()
        has_failed = has_failed or bool(result.failures)
        for failure in result.failures:
            print(f"  failed: {failure}", flush=True)
        if write is not None:
            write(results)
    return has_failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compat.py", description=__doc__.splitlines()[0] if __doc__ else "", allow_abbrev=False
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the clients and engines, and what is installed for each")
    add("--engines", action="store_true", help="run engines behind the gateway in place of clients")
    add("--only", nargs="+", default=[], metavar="NAME", help="run only these (default: all)")
    add("--missing", action="store_true", help="run only those without a recorded result")
    add("--record", action="store_true", help="keep the results, and write conformance/COMPATIBILITY.md")
    add("--environments", type=Path, metavar="FOLDER", help="keep the environments of engines here, and use them again")
    return parser


if __name__ == "__main__":
    exit_with(main)
