"""The results of the last run, kept in pytest's cache folder, and why its rules ended as they did."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from harness import rule_ids
from harness.reports import json_report
from harness.results import Outcome

FILE = "aurous-last-run.json"
NO_RUN = "there are no results of an earlier run: run `pytest conformance` first"


def save(config: pytest.Config, results: dict[str, Any]) -> None:
    """Keep the results for `--why`; nothing is kept where pytest's cache is disabled."""
    path = _path(config)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, ensure_ascii=False), encoding="utf-8")


def load(config: pytest.Config) -> dict[str, Any] | None:
    """The results of the last run; None if there are none, or none of this version."""
    path = _path(config)
    try:
        loaded: Any = json.loads(path.read_text(encoding="utf-8")) if path is not None else None
    except (OSError, ValueError, RecursionError):
        return None
    is_readable = isinstance(loaded, dict) and loaded.get("format") == json_report.FORMAT
    return loaded if is_readable and loaded.get("rules") else None


def problem_of(results: dict[str, Any] | None, pattern: str) -> str | None:
    """Why there is nothing to say of the rules that a pattern matches; None if there is something."""
    if results is None:
        return NO_RUN
    names = results["rules"]
    if not pattern or any(fnmatchcase(name, pattern) for name in names):
        return None
    if any(fnmatchcase(name, pattern) for name in rule_ids.measured()):
        return f"the last run did not have {pattern!r}; `pytest conformance --rule {shlex.quote(pattern)}` tests it"
    return f"no rule of the last run is called {pattern!r}{rule_ids.meant(pattern, names)}; --list-rules lists all"


def lines(results: dict[str, Any], pattern: str) -> Iterator[str]:
    """Why the rules that match a pattern ended as they did; with an empty one, why the untested ones were not."""
    yield f"{results['server']}, {results['started']}: {results['score']}"
    rules: dict[str, dict[str, Any]] = results["rules"]
    if pattern:
        for name, rule in rules.items():
            if fnmatchcase(name, pattern):
                yield from _details(name, rule)
        return
    untested = {name: rule for name, rule in rules.items() if rule["outcome"] == Outcome.NOT_TESTED}
    reasons: dict[str, list[str]] = {}
    for name, rule in untested.items():
        reasons.setdefault(rule["actual"], []).append(name)
    for reason, names in reasons.items():
        yield f"\n{reason}"
        yield from (f"  {name:<46} {rules[name]['sentence']}" for name in names)
    yield "" if reasons else "every rule could be tested"


def _details(name: str, rule: dict[str, Any]) -> Iterator[str]:
    yield f"\n{name}: {Outcome(rule['outcome']).label} ({rule['evidence']})"
    yield f"  says      {rule['sentence']}"
    yield f"  page      {rule['url']}"
    for check in rule["checks"]:
        yield f"  {Outcome(check['outcome']).label}: {check['test']}"
        yield f"  actual    {check['actual']}"
        if check["expected"]:
            yield f"  expected  {check['expected']}"
        for exchange in check["exchanges"]:
            yield f"  $ {exchange['curl']}"
            yield from (f"    {line}" for line in exchange["response"].splitlines())


def _path(config: pytest.Config) -> Path | None:
    try:
        folder = str(config.getini("cache_dir"))
    except (KeyError, ValueError):
        return None
    return config.rootpath / folder / FILE
