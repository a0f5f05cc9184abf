"""The command line: `python -m independent`."""

from __future__ import annotations

import argparse
import signal
import threading
from typing import NoReturn

from . import faults, variations
from .accounts import DEFAULT_CREDITS
from .changes import Change, Registry
from .server import DEFAULT_KEY, DEFAULT_OTHER_KEY, build, serving


class Parser(argparse.ArgumentParser):
    """Reports bad arguments in one line, with exit status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    parser = Parser(prog="independent", description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="a fault to plant; repeatable")
    parser.add_argument("--variation", action="append", default=[], metavar="NAME", help="a variation; repeatable")
    parser.add_argument("--api-key", default=DEFAULT_KEY, help="key of the first team")
    parser.add_argument("--other-api-key", default=DEFAULT_OTHER_KEY, help="key of the second team")
    parser.add_argument("--credits", type=int, default=DEFAULT_CREDITS, help="credits of each team")
    parser.add_argument("--pace", type=float, default=0.005, help="seconds between two tokens of a stream")
    parser.add_argument("--list", action="store_true", help="print every fault and variation, and exit")
    return parser


def choose(parser: Parser, names: list[str], registry: Registry, option: str) -> list[Change]:
    for name in names:
        if name not in registry:
            parser.error(f"{option} {name}: there is none of this name; --list prints them all")
    return [registry[name] for name in names]


def print_all() -> None:
    for option, registry in (("--fault", faults.ALL), ("--variation", variations.ALL)):
        for change in registry.values():
            print(f"{option} {change.name}\n    {change.sentence}\n    {change.url}")


def main() -> None:
    options = parser()
    arguments = options.parse_args()
    if arguments.list:
        print_all()
        return
    changes = choose(options, arguments.fault, faults.ALL, "--fault")
    changes += choose(options, arguments.variation, variations.ALL, "--variation")
    if not 0 <= arguments.port <= 65535:
        options.error(f"--port {arguments.port}: a port is a number from 0 to 65535")
    if arguments.api_key == arguments.other_api_key:
        options.error("--api-key and --other-api-key must differ: each stands for a team of its own")
    application = build(
        changes,
        api_key=arguments.api_key,
        other_api_key=arguments.other_api_key,
        credits=arguments.credits,
        pace=arguments.pace,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with serving(application, port=arguments.port) as server:
            print(f"listening on {server.url}", flush=True)
            stop.wait()
    except OSError as error:
        options.error(f"--port {arguments.port}: {error.strerror}")


if __name__ == "__main__":
    main()
