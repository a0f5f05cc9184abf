"""The command line: reads flags and environment variables into settings. A usage error is one line, and exit code 2."""

import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence

from aurous_mock.errors import SettingsError
from aurous_mock.generation.engine import Pace
from aurous_mock.server.flag_values import api_key
from aurous_mock.server.flags import fail, make_parser
from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM, Settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the mock until a signal ends it."""
    settings = read(sys.argv[1:] if arguments is None else arguments)
    # Imported late, so that a mistake in the flags is reported at once.
    from aurous_mock.server.serving import serve

    try:
        serve(settings)
    except SettingsError as error:
        fail(str(error))


def read(arguments: Sequence[str]) -> Settings:
    """The settings of a command line."""
    flags = make_parser().parse_args(arguments)
    keys = {} if flags.no_default_key else {DEFAULT_KEY: DEFAULT_TEAM}
    keys |= dict.fromkeys([*filter(None, [_key_of_environment("AUROUS_MOCK_API_KEY")]), *flags.api_key], DEFAULT_TEAM)
    keys |= {key: team for team, key in flags.team_key}
    teams: dict[str, str] = {}
    for team, key in flags.team_key:
        if teams.setdefault(key, team) != team:
            fail(f"--team-key gives one key to two teams, {teams[key]} and {team}")
    if not keys:
        fail("--no-default-key needs another key: --api-key or --team-key")
    if flags.upstream is None and (flags.upstream_key or flags.upstream_model or flags.model):
        fail("--upstream-key, --upstream-model and --model need --upstream")
    if flags.upstream_model and flags.model:
        fail("--upstream-model is for all models; --model names one for each: use either")
    names = [mapping.name for mapping in flags.model]
    if len(set(names)) < len(names):
        fail("--model has the same NAME twice")
    if flags.record and (flags.upstream is None or flags.workers > 1):
        fail("--record needs --upstream, whose answers it records, and one worker")
    if flags.replay and flags.upstream:
        fail("--replay answers in place of --upstream: leave one of them out")
    if flags.durability == "fast" and flags.state is None:
        fail("--durability needs --state: without it, everything is in memory")
    if flags.workers > 1 and flags.state is None:
        fail("--workers needs --state: workers share nothing but the state file or database")
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
        exit_on_eof=flags.exit_on_eof,
        upstream=flags.upstream,
        upstream_key=flags.upstream_key or os.environ.get("AUROUS_MOCK_UPSTREAM_KEY"),
        upstream_model=flags.upstream_model,
        upstream_timeout=flags.upstream_timeout,
        upstream_dialect=flags.upstream_dialect,
        model_mappings=tuple(flags.model),
        record=flags.record,
        replay=tuple(flags.replay),
        specs=tuple(flags.spec),
        admin_key=flags.admin_key or _key_of_environment("AUROUS_MOCK_ADMIN_KEY"),
        cors=tuple(flags.cors),
        access_log=not flags.no_access_log,
    )


def _key_of_environment(variable: str) -> str | None:
    """The key in a variable; None where it is not set, or empty: no request needs an empty key."""
    try:
        return api_key(os.environ[variable]) if os.environ.get(variable) else None
    except ArgumentTypeError as error:
        fail(f"{variable}: {error}")
