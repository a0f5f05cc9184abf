"""Owns the command line of a run: its options, and the settings that they amount to; starts nothing."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from assay import contract
from assay.settings import DEFAULT_SEED, EMBEDDED_KEY, OTHER_EMBEDDED_KEY, Profile, Settings, is_loopback

DEFAULT_BUDGET = 2.0


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("aurous", "Aurous Labs API conformance")
    options: list[tuple[str, dict[str, Any]]] = [
        ("--base-url", {"metavar": "URL", "help": "the server to test; the mock server is started without it"}),
        ("--api-key", {"metavar": "KEY", "help": "its API key (default: AUROUS_API_KEY)"}),
        ("--other-api-key", {"metavar": "KEY", "help": "a key of another team, for rules about what teams share"}),
        ("--api-version", {"metavar": "DATE", "help": "the version to hold it to (default: the one of openapi.yaml)"}),
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
            {"type": float, "metavar": "N", "help": f"the most to spend (default: {DEFAULT_BUDGET:g} unless loopback)"},
        ),
        ("--dry-run", {"action": "store_true", "help": "tell what would be sent and its price; ask only the mock"}),
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
    return str(url).rstrip("/").removesuffix("/v1") if url and not config.getoption("dry_run") else None


def choose_version(config: pytest.Config) -> None:
    """Take the version to test for, before any test is generated from its contract."""
    try:
        contract.choose(config.getoption("api_version"))
    except contract.UnknownVersionError as error:
        raise pytest.UsageError(f"--api-version: {error}") from None


def settings(config: pytest.Config, url: str, *, embedded: bool) -> Settings:
    """The settings of this run; refuses to guess a key for somebody else's server."""
    given = config.getoption("api_key") or (None if embedded else os.environ.get("AUROUS_API_KEY"))
    local = is_loopback(url)
    if not given and not local:
        raise pytest.UsageError(f"{url} may charge for calls: name its key with --api-key or AUROUS_API_KEY")
    budget = config.getoption("max_credits")
    return Settings(
        base_url=url,
        api_key=EMBEDDED_KEY if embedded else given or EMBEDDED_KEY,
        other_api_key=config.getoption("other_api_key") or (OTHER_EMBEDDED_KEY if embedded else None),
        api_version=contract.version(),
        profile=Profile(config.getoption("profile")),
        seed=seed(config),
        max_credits=budget if budget is not None or local else DEFAULT_BUDGET,
        embedded=embedded,
        dry_run=bool(config.getoption("dry_run")),
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
