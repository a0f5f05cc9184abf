"""The command line: reads flags and environment variables into settings. A usage error is one line, and exit code 2."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from aurous_mock.billing.pricing import MICRO
from aurous_mock.errors import SettingsError
from aurous_mock.generation.engine import Pace
from aurous_mock.http import faults
from aurous_mock.scripting import scripted_answers
from aurous_mock.server.flag_values import (
    amount,
    api_key,
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
)
from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM, Settings
from aurous_mock.storage.retention import IN_DATABASE, IN_MEMORY


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the mock until a signal ends it."""
    settings = read(sys.argv[1:] if arguments is None else arguments)
    # Imported late, so that a mistake in the flags is reported at once.
    from aurous_mock.server.serving import serve

    try:
        serve(settings)
    except SettingsError as error:
        _fail(str(error))


def read(arguments: Sequence[str]) -> Settings:
    """The settings of a command line."""
    flags = _parser().parse_args(arguments)
    keys = {} if flags.no_default_key else {DEFAULT_KEY: DEFAULT_TEAM}
    keys |= dict.fromkeys([*filter(None, [os.environ.get("AUROUS_MOCK_API_KEY")]), *flags.api_key], DEFAULT_TEAM)
    keys |= {key: team for team, key in flags.team_key}
    if not keys:
        _fail("--no-default-key needs another key: --api-key or --team-key")
    if flags.upstream is None and (flags.upstream_key or flags.upstream_model or flags.model):
        _fail("--upstream-key, --upstream-model and --model need --upstream")
    if flags.upstream_model and flags.model:
        _fail("--upstream-model is for all models; --model names one for each: use either")
    names = [mapping.name for mapping in flags.model]
    if len(set(names)) < len(names):
        _fail("--model has the same NAME twice")
    if flags.record and (flags.upstream is None or flags.workers > 1):
        _fail("--record needs --upstream, whose answers it records, and one worker")
    if flags.replay and flags.upstream:
        _fail("--replay answers in place of --upstream: leave one of them out")
    if flags.durability == "fast" and flags.state is None:
        _fail("--durability needs --state: without it, everything is in memory")
    if flags.workers > 1 and flags.state is None:
        _fail("--workers needs --state: workers share nothing but the state file or database")
    return Settings(
        host=flags.host,
        port=flags.port,
        keys=keys,
        seed=flags.seed,
        credits=flags.credits,
        pace=Pace(flags.first_token, flags.tokens_per_second),
        keep_alive=flags.keep_alive,
        requests_per_minute=flags.rpm,
        tokens_per_minute=flags.tpm,
        max_concurrent=flags.max_concurrent,
        state=flags.state,
        durability=flags.durability,
        retention=flags.retain,
        workers=flags.workers,
        upstream=flags.upstream,
        upstream_key=flags.upstream_key or os.environ.get("AUROUS_MOCK_UPSTREAM_KEY"),
        upstream_model=flags.upstream_model,
        upstream_timeout=flags.upstream_timeout,
        upstream_dialect=flags.upstream_dialect,
        model_mappings=tuple(flags.model),
        record=flags.record,
        replay=tuple(flags.replay),
        specs=tuple(flags.spec),
        admin_key=flags.admin_key or os.environ.get("AUROUS_MOCK_ADMIN_KEY"),
        cors=tuple(flags.cors),
        access_log=not flags.no_access_log,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(message)


def _fail(message: str) -> NoReturn:
    print(f"aurous-mock: {message}", file=sys.stderr)
    sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="aurous-mock",
        description="A server with the HTTP contract of Aurous Labs, for tests and for self-hosting.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=port, default=8080, help="port to listen on, 0 for a free one (default: %(default)s)")
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
    add("--seed", type=int, default=0, help="other seeds give other answers (default: %(default)s)")
    add(
        "--credits",
        type=amount,
        default=Settings.credits,
        metavar="N",
        help=f"each team's credits at the start (default: {Settings.credits // MICRO})",
    )
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
        "--rpm",
        type=limit,
        default=None,
        metavar="N",
        help="requests per minute and team (default: no limit)",
    )
    add(
        "--max-concurrent",
        type=limit,
        default=None,
        metavar="N",
        help="completions of one team at a time (default: its share of the connections to --upstream, else no limit)",
    )
    add(
        "--tpm",
        type=limit,
        default=None,
        metavar="N",
        help="tokens per minute and team (default: no limit)",
    )
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
        f"(default: {IN_DATABASE.days}d with --state, else {IN_MEMORY.count}); idempotency keys are kept for 24 hours",
    )
    add(
        "--workers",
        type=limit,
        default=1,
        metavar="N",
        help="processes that share the port and --state (default: 1)",
    )
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
    add(
        "--replay",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="answer from this file that --record wrote, and refuse what it does not have; repeatable",
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
        "--admin-key",
        type=api_key,
        default=None,
        metavar="KEY",
        help="require this key, as Aurous-Mock-Key, for /_mock/; with --upstream, faults and /_mock/ "
        "are off without it (env: AUROUS_MOCK_ADMIN_KEY)",
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
    return parser


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
