"""The command line of a run: its options, and the settings made from them."""

from __future__ import annotations

import argparse
import math
import os
import random
from pathlib import Path
from typing import Any

import pytest

from harness import contract, preflight, startup
from harness.reports import dry_run, last_run
from harness.settings import (
    DEFAULT_SEED,
    EMBEDDED_KEY,
    OTHER_EMBEDDED_KEY,
    Profile,
    Settings,
    is_loopback,
)

# A fifth more than a run costs by the rates of the mock.
DEFAULT_BUDGET = 4.0
# Seconds from the first test: for the rules on completions, and for the properties and links of each operation,
# of which 43 took 5 to 13 each, depending on the server. With the five of chat, a run ends within five minutes.
SECONDS_FOR_RULES = 180.0
SECONDS_FOR_OPERATION = 12.0
REPORTS = (".html", ".json")


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("aurous", "Aurous Labs API conformance")
    options: list[tuple[str, dict[str, Any]]] = [
        ("--base-url", {"metavar": "URL", "help": "the server to test; the mock server is started without it"}),
        ("--api-key", {"metavar": "KEY", "help": "its API key (default: AUROUS_API_KEY)"}),
        ("--other-api-key", {"metavar": "KEY", "help": "a key of another team, for rules about what teams share"}),
        ("--api-version", {"metavar": "DATE", "help": "the version to test for (default: the one of openapi.yaml)"}),
        (
            "--rule",
            {
                "action": "append",
                "default": [],
                "metavar": "ID",
                "help": "only this rule, or all that a pattern such as `stream.*` matches; repeatable",
            },
        ),
        ("--list-rules", {"action": "store_true", "help": "list the rules with their pages, and send nothing"}),
        (
            "--profile",
            {
                "choices": [profile.value for profile in Profile],
                "default": Profile.DEFAULT.value,
                "help": "how many examples each property gets",
            },
        ),
        ("--seed", {"metavar": "N", "help": f"repeats a run; `random` draws one (default: {DEFAULT_SEED})"}),
        (
            "--max-credits",
            {
                "type": _credits,
                "metavar": "N",
                "help": f"the most to spend (default: {DEFAULT_BUDGET:g} unless loopback)",
            },
        ),
        (
            "--max-seconds",
            {
                "type": _seconds,
                "metavar": "N",
                "help": f"the most time to take; 0 is no limit (default: {SECONDS_FOR_RULES:g} and "
                f"{SECONDS_FOR_OPERATION:g} for each operation with --base-url, unless thorough)",
            },
        ),
        ("--no-preflight", {"action": "store_true", "help": "run even if the server does not look like an Aurous one"}),
        ("--dry-run", {"action": "store_true", "help": "show what each rule sends and costs, and send nothing"}),
        ("--rehearse", {"action": "store_true", "help": "measure that against the mock, whatever --base-url says"}),
        ("--record-costs", {"action": "store_true", "help": "with --rehearse: keep the result for --dry-run"}),
        (
            "--why",
            {
                "nargs": "?",
                "const": "",
                "metavar": "ID",
                "help": "show, of the last run, why rules were not tested, or how this rule ended; sends nothing",
            },
        ),
        (
            "--report",
            {
                "action": "append",
                "default": [],
                "metavar": "FILE",
                "help": "write a report: .html or .json; repeatable",
            },
        ),
    ]
    for name, keywords in options:
        try:
            group.addoption(name, **keywords)
        except ValueError:
            # pytest-base-url claims --base-url with the same meaning and the same destination.
            continue


def base_url(config: pytest.Config) -> str | None:
    url = config.getoption("base_url", None)
    return preflight.root_of(str(url)) if url and not config.getoption("rehearse") else None


def check(config: pytest.Config) -> None:
    """Refuse options that could only fail later, or would be ignored, before anything is sent or charged."""
    if config.getoption("base_url", None) == "":
        raise pytest.UsageError("--base-url is empty; leave it out to test the mock")
    for option in ("--api-key", "--other-api-key"):
        if config.getoption(option[2:].replace("-", "_")) and not config.getoption("base_url", None):
            raise pytest.UsageError(f"{option} needs --base-url, the server of the key; the mock has keys of its own")
    if config.getoption("record_costs") and not config.getoption("rehearse"):
        raise pytest.UsageError("--record-costs needs --rehearse, whose costs it records")
    if config.getoption("report") and config.getoption("rehearse"):
        raise pytest.UsageError("--rehearse has no rules to report: leave out --report")
    for report in config.getoption("report") or ():
        if Path(report).suffix not in REPORTS:
            raise pytest.UsageError(f"--report: {report} must end in {' or '.join(REPORTS)}")
        if not Path(report).absolute().parent.is_dir():
            raise pytest.UsageError(f"--report: there is no folder {Path(report).absolute().parent}")
        if (reason := write_problem(Path(report))) is not None:
            raise pytest.UsageError(f"--report: {report} {reason}")
    other_key: str | None = config.getoption("other_api_key") or None
    problem = preflight.other_key_problem(other_key, config.getoption("api_key") or os.environ.get("AUROUS_API_KEY"))
    if problem is not None:
        raise pytest.UsageError(problem)
    url = config.getoption("base_url", None)
    if not url:
        return
    try:
        preflight.parse(str(url))
    except ValueError as error:
        raise pytest.UsageError(f"--base-url: {error}") from None
    if config.getoption("rehearse"):
        return
    key = _given_key(config, str(url), embedded=False)
    if config.getoption("list_rules") or config.getoption("no_preflight") or str(url) in startup.checked:
        return
    problem = preflight.problem_at(str(url), key, other_api_key=other_key)
    if problem is not None:
        pytest.exit(f"--base-url: {problem}", returncode=preflight.NOT_AUROUS)


def write_problem(path: Path) -> str | None:
    """Why a report cannot be written; None if it can, as far as this shows before there is one."""
    try:
        if path.is_dir():
            return "is a folder"
        target = path.resolve()
        is_new = not target.exists()
        # Opening a pipe or a device may block, or do something.
        if is_new or target.is_file():
            target.open("ab").close()
        if is_new:
            target.unlink()
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    return None


def _given_key(config: pytest.Config, url: str, *, embedded: bool) -> str | None:
    """The key in the options, if any; a server that may charge for calls needs one."""
    given: str | None = config.getoption("api_key") or (None if embedded else os.environ.get("AUROUS_API_KEY"))
    problem = None if embedded else preflight.option_problem(url, given)
    if problem is not None:
        raise pytest.UsageError(problem)
    return given


def _credits(text: str) -> float:
    return _amount(text, "credits")


def _seconds(text: str) -> float:
    return _amount(text, "seconds")


def _amount(text: str, unit: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text} is not a number of {unit}")
    return value


def answer_at_once(config: pytest.Config) -> list[str] | None:
    """The output of an option that only prints, such as --why, for which no test is collected; None for a run."""
    asked: str | None = config.getoption("why")
    if asked is not None:
        results = last_run.load(config)
        problem = last_run.problem_of(results, asked)
        if results is None or problem is not None:
            raise pytest.UsageError(f"--why: {problem}")
        return [*last_run.lines(results, asked)]
    if config.getoption("dry_run"):
        patterns: list[str] = config.getoption("rule") or []
        return [*dry_run.lines(Profile(config.getoption("profile")), patterns)]
    return None


def max_seconds(config: pytest.Config) -> float | None:
    given: float | None = config.getoption("max_seconds")
    if given is None:
        # The embedded mock costs nothing, and a busy machine is no reason to leave rules out.
        is_embedded = config.getoption("rehearse") or not config.getoption("base_url")
        return None if is_embedded or Profile(config.getoption("profile")) is Profile.THOROUGH else default_seconds()
    return given or None


def default_seconds() -> float:
    """The most time that a run on a live server takes, by the number of operations of the version under test."""
    return SECONDS_FOR_RULES + SECONDS_FOR_OPERATION * len(contract.operations())


def choose_version(config: pytest.Config) -> None:
    """Take the version to test for, before any test is generated from its contract."""
    try:
        contract.choose(config.getoption("api_version"))
    except contract.UnknownVersionError as error:
        raise pytest.UsageError(f"--api-version: {error}") from None


def settings(config: pytest.Config, url: str, *, embedded: bool) -> Settings:
    """The settings of this run; UsageError for a server that may charge if no key is given."""
    given = _given_key(config, url, embedded=embedded)
    local = is_loopback(url)
    budget = config.getoption("max_credits")
    return Settings(
        base_url=url,
        api_key=EMBEDDED_KEY if embedded else given or EMBEDDED_KEY,
        other_api_key=OTHER_EMBEDDED_KEY if embedded else config.getoption("other_api_key") or None,
        api_version=contract.version(),
        profile=Profile(config.getoption("profile")),
        seed=seed(config),
        max_credits=budget if budget is not None or local else DEFAULT_BUDGET,
        embedded=embedded,
        rehearsal=bool(config.getoption("rehearse")),
        max_seconds=max_seconds(config),
    )


def seed(config: pytest.Config) -> int:
    """The seed, drawn once: every worker of a distributed run inherits it in its settings."""
    chosen = config.getoption("seed")
    if chosen == "random":
        config.option.seed = chosen = str(random.SystemRandom().randrange(2**32))
    try:
        return int(chosen) if chosen is not None else DEFAULT_SEED
    except ValueError:
        raise pytest.UsageError(f"--seed takes a whole number or `random`, not {chosen!r}") from None
