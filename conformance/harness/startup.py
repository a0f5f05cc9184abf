"""A pytest plugin that refuses a run that cannot succeed before pytest loads the other plugins, which takes seconds.

It checks the rules of --rule and the server of --base-url; a session without either is left alone.
pyproject.toml names it in `addopts`, so that it is loaded first.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness import rule_ids

SUITE = Path(__file__).resolve().parents[1]
INTERRUPTED = 2
# With one of these, nothing is sent to the server beforehand.
NO_REQUESTS = ("no_preflight", "dry_run", "rehearse", "list_rules", "why")
# The servers that passed the check, so that the suite does not repeat it.
checked: set[str] = set()


def pytest_addhooks(pluginmanager: Any) -> None:
    """Refuse unknown rules and other servers, and end an interrupted session without a traceback."""
    invocation = pluginmanager.getplugin("pytestconfig").invocation_params
    arguments = [str(each) for each in invocation.args]
    if names_rules_only(arguments, Path(invocation.dir)):
        _leave_assertions(pluginmanager)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler and "PYTEST_XDIST_WORKER" not in os.environ:
            signal.signal(signal.SIGINT, _end)
    if "PYTEST_XDIST_WORKER" in os.environ or not any(each.startswith(("--base-url", "--rule")) for each in arguments):
        return
    options = _parse(arguments)
    problem = rule_ids.problem_of(filter(None, options.rule))
    if problem is not None:
        _refuse(problem, pytest.ExitCode.USAGE_ERROR)
    if not options.base_url or any(getattr(options, name) for name in NO_REQUESTS):
        return
    signal.signal(signal.SIGINT, _end)
    from harness import preflight

    try:
        preflight.parse(options.base_url)
    except ValueError as error:
        _refuse(f"--base-url: {error}", preflight.NOT_AUROUS)
    key = options.api_key or os.environ.get("AUROUS_API_KEY")
    problem = preflight.option_problem(options.base_url, key) or preflight.other_key_problem(options.other_api_key, key)
    if problem is not None:
        _refuse(problem, pytest.ExitCode.USAGE_ERROR)
    problem = preflight.problem_at(options.base_url, key, other_api_key=options.other_api_key or None)
    if problem is not None:
        _refuse(f"--base-url: {problem}", preflight.NOT_AUROUS)
    checked.add(options.base_url)


def names_rules_only(arguments: Iterable[str], folder: Path) -> bool:
    """Whether these arguments name the suite or some of its rules, and no other tests."""
    paths = [folder / each.partition("::")[0] for each in arguments if not each.startswith("-")]
    tests = [path.resolve() for path in paths if _is_test_path(path)]
    return bool(tests) and all(path == SUITE or path.is_relative_to(SUITE / "rules") for path in tests)


def _is_test_path(path: Path) -> bool:
    try:
        return path.is_dir() or (path.suffix == ".py" and path.is_file())
    except OSError:
        # The value of an option may be longer than a name of a file can be.
        return False


def _leave_assertions(pluginmanager: Any) -> None:
    """Keep pytest from rewriting assertions: it takes seconds, and rules raise violations instead."""
    if pluginmanager.rewrite_hook in sys.meta_path:
        sys.meta_path.remove(pluginmanager.rewrite_hook)


def _refuse(problem: str, code: int) -> NoReturn:
    sys.stderr.write(f"{problem}\n")
    sys.exit(code)


def _end(number: int, frame: object) -> None:
    sys.stderr.write("\ninterrupted before the first test\n")
    sys.stderr.flush()
    # An exception would be shown by pytest and the plugins that it is loading.
    os._exit(INTERRUPTED)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Leave interrupts to pytest from now on: it may have a mock to stop."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _parse(arguments: list[str]) -> argparse.Namespace:
    """The options that matter here; pytest complains of faulty ones later."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("--base-url", "--api-key", "--other-api-key"):
        parser.add_argument(name, nargs="?")
    parser.add_argument("--rule", action="append", nargs="?", default=[])
    for name in NO_REQUESTS:
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, nargs="?", const=True)
    return parser.parse_known_args(arguments)[0]
