"""A pytest plugin that looks at the server before pytest loads the others, which takes seconds.

pyproject.toml names it in `addopts`, so that it is loaded first. A session without --base-url is none of its business.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any

import pytest

INTERRUPTED = 2
# With one of these, nothing is asked of the server beforehand.
NO_REQUESTS = ("no_preflight", "dry_run", "rehearse", "list_rules", "why")
# What identified the server, so that the suite does not ask again.
checked: set[str] = set()


def pytest_addhooks(pluginmanager: Any) -> None:
    """Look at the server, and end a session that is interrupted before its first test without a traceback."""
    arguments = pluginmanager.getplugin("pytestconfig").invocation_params.args
    if "PYTEST_XDIST_WORKER" in os.environ or not any(str(each).startswith("--base-url") for each in arguments):
        return
    options = _parse([str(each) for each in arguments])
    if not options.base_url or any(getattr(options, name) for name in NO_REQUESTS):
        return
    signal.signal(signal.SIGINT, _end)
    from harness import preflight

    key = options.api_key or os.environ.get("AUROUS_API_KEY")
    problem = preflight.problem_at(options.base_url, key)
    if problem is not None:
        sys.stderr.write(f"--base-url: {problem}\n")
        sys.exit(preflight.NOT_AUROUS)
    checked.add(options.base_url)


def _end(number: int, frame: object) -> None:
    sys.stderr.write("\ninterrupted before the first test\n")
    sys.stderr.flush()
    # Not by an exception, which pytest and the plugins that it is loading would show.
    os._exit(INTERRUPTED)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Leave interrupts to pytest from now on."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _parse(arguments: list[str]) -> argparse.Namespace:
    """The options that matter here; pytest complains of faulty ones later."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("--base-url", "--api-key"):
        parser.add_argument(name, nargs="?")
    for name in NO_REQUESTS:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, nargs="?", const=True)
    return parser.parse_known_args(arguments)[0]
