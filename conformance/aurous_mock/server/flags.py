"""The flags of the command line, and their help."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from aurous_mock.billing.pricing import MICRO
from aurous_mock.http import faults
from aurous_mock.scripting import scripted_answers
from aurous_mock.server.flag_values import (
    amount,
    api_key,
    host,
    limit,
    model,
    origin,
    port,
    rate,
    retention,
    seconds,
    state,
    team_key,
    url,
    workers,
)
from aurous_mock.settings import Settings
from aurous_mock.storage.retention import IN_DATABASE, IN_MEMORY

AddFlag = Callable[..., argparse.Action]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(message)


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        # Imported here, so that no start waits for it.
        from importlib.metadata import version

        print(parser.prog, version("aurous-labs"))
        parser.exit()


def fail(message: str) -> NoReturn:
    """Report a usage error, and exit."""
    print(f"aurous-mock: {message}", file=sys.stderr)
    sys.exit(2)


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = _Parser(
        prog="aurous-mock",
        description="A server with the HTTP contract of Aurous Labs, for tests and for self-hosting.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version of this command, and exit")
    _add_server_flags(
        parser.add_argument_group("server", "where it listens, and which versions it serves").add_argument
    )
    _add_team_flags(parser.add_argument_group("teams", "who may send requests, and how much").add_argument)
    _add_answer_flags(parser.add_argument_group("answers", "what it answers, and how fast").add_argument)
    _add_storage_flags(parser.add_argument_group("storage", "what it keeps, and how long").add_argument)
    _add_gateway_flags(parser.add_argument_group("gateway", "the server whose answers it forwards").add_argument)
    return parser


def _add_server_flags(add: AddFlag) -> None:
    add("--host", type=host, default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=port, default=8080, help="port to listen on, 0 for a free one (default: %(default)s)")
    add(
        "--workers",
        type=workers,
        default=1,
        metavar="N",
        help="processes that share the port and --state (default: 1)",
    )
    add(
        "--exit-on-eof",
        action="store_true",
        help="end when standard input ends: with a pipe there, it does when the program that started this is gone",
    )
    add(
        "--spec",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="serve this version of the contract; repeatable, the newest is the default (default: the bundled one)",
    )
    add(
        "--cors",
        action="append",
        type=origin,
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin send requests, such as http://localhost:3000, or * for all; repeatable",
    )
    add("--no-access-log", action="store_true", help="do not write a line for each request to standard error")
    add(
        "--admin-key",
        type=api_key,
        default=None,
        metavar="KEY",
        help="require this key, as Aurous-Mock-Key, for /_mock/; with --upstream, faults and /_mock/ "
        "are off without it (env: AUROUS_MOCK_ADMIN_KEY)",
    )


def _add_team_flags(add: AddFlag) -> None:
    add(
        "--api-key",
        action="append",
        type=api_key,
        default=[],
        metavar="KEY",
        help="accept this key too, for the default team; repeatable (env: AUROUS_MOCK_API_KEY)",
    )
    add(
        "--team-key",
        action="append",
        default=[],
        type=team_key,
        metavar="TEAM=KEY",
        help="accept this key for another team; repeatable",
    )
    add("--no-default-key", action="store_true", help="refuse the well-known key, al_live_ and 64 zeros")
    add(
        "--credits",
        type=amount,
        default=Settings.credits,
        metavar="N",
        help=f"each team's credits at the start (default: {Settings.credits // MICRO})",
    )
    add(
        "--rpm",
        type=limit,
        default=None,
        metavar="N",
        help="requests per minute and team (default: no limit)",
    )
    add(
        "--tpm",
        type=limit,
        default=None,
        metavar="N",
        help="tokens per minute and team (default: no limit)",
    )
    add(
        "--max-concurrent",
        type=limit,
        default=None,
        metavar="N",
        help="completions of one team at a time (default: its share of the connections to --upstream, else no limit)",
    )


def _add_answer_flags(add: AddFlag) -> None:
    add("--seed", type=int, default=0, help="other seeds give other answers (default: %(default)s)")
    add(
        "--first-token",
        type=seconds,
        default=0.0,
        metavar="S",
        help="seconds before the first token (default: 0)",
    )
    add(
        "--tokens-per-second",
        type=rate,
        default=None,
        metavar="N",
        help="pace of answers (default: at once)",
    )
    add(
        "--keep-alive",
        type=rate,
        default=15.0,
        metavar="S",
        help="seconds of silence in a stream before a keep-alive comment (default: 15)",
    )
    add(
        "--replay",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="answer from this file that --record wrote, and refuse what it does not have; repeatable",
    )


def _add_storage_flags(add: AddFlag) -> None:
    add(
        "--state",
        type=state,
        metavar="FILE|URL",
        default=None,
        help="keep everything in this SQLite file, or in a database by SQLAlchemy URL, such as postgresql+psycopg://...",
    )
    add(
        "--durability",
        choices=("full", "fast"),
        default="full",
        help="with --state: completions survive a power loss (full), or a crash of the process only (fast)",
    )
    add(
        "--retain",
        type=retention,
        default=None,
        metavar="DAYSd|COUNT",
        help="keep finished completions and charges for so many days, or so many of each team "
        f"(default: {IN_DATABASE.days}d with --state, else {IN_MEMORY.count}); idempotency keys are kept for 24 hours, "
        "without --state no longer than their completions",
    )


def _add_gateway_flags(add: AddFlag) -> None:
    add(
        "--upstream",
        type=url,
        default=None,
        metavar="URL",
        help="forward to this OpenAI-compatible server, such as http://127.0.0.1:11434/v1, and wrap its answers",
    )
    add("--upstream-key", default=None, metavar="KEY", help="its bearer token (env: AUROUS_MOCK_UPSTREAM_KEY)")
    add("--upstream-model", default=None, metavar="M", help="the model to request from it, whichever the client names")
    add(
        "--upstream-timeout",
        type=rate,
        default=600.0,
        metavar="S",
        help="seconds for a whole answer, for the head of a stream, and between two events (default: 600)",
    )
    add(
        "--upstream-dialect",
        choices=("auto", "max_tokens", "max_completion_tokens"),
        default="auto",
        help="its name for the token limit of an answer (default: learned from its refusals)",
    )
    add(
        "--model",
        action="append",
        default=[],
        type=model,
        metavar="NAME=UPSTREAM[:INPUT/OUTPUT]",
        help="offer its model UPSTREAM as NAME, at these credits per million tokens; repeatable "
        "(default: all that it lists)",
    )
    add(
        "--record",
        type=Path,
        default=None,
        metavar="FILE",
        help="with --upstream: record its answers in this file, without keys, for --replay and tests",
    )


def _epilog() -> str:
    grammar = (faults.__doc__ or "").partition("\n\n")[2]
    forms = (scripted_answers.__doc__ or "").partition("\n\n")[2]
    endpoints = (
        "GET /_mock/ledger          every charge, in order\n"
        "POST /_mock/reset          delete everything\n"
        'POST /_mock/clock          {"advance": SECONDS}\n'
        'POST /_mock/faults         {"fault": TEXT, "method": "POST", "path": "/v1/..."}\n'
        'POST /_mock/answers        {"answer": ANSWER, "when": TEXT, "model": M, "times": N}, or "answers": [...]\n'
        "GET /_mock/answers         answers that are not used up, and how often each was given\n"
        "GET /metrics               for Prometheus\n"
    )
    return (
        f"for tests (this machine only, unless there is an --admin-key):\n\n{endpoints}\n"
        f"answers, also in the request header Aurous-Mock-Answer:\n\n{forms}\nfaults:\n\n{grammar}"
    )
