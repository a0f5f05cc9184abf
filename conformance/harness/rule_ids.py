"""The ids of all rules, read without collecting a test, so that a misspelt one is refused at once."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

SUITE = Path(__file__).resolve().parents[1]
COSTS = SUITE / "harness" / "reports" / "costs.json"
SOURCES = ("rules", "harness/checks")
LITERAL = re.compile(r'"((?:[a-z_]+\.)?[a-z0-9_]+)"')
# Ids that are made of the contract: those that were not measured yet are known only once the tests are collected.
GENERATED = ("request.*", "properties.*")
PROPERTIES = "properties."
OF_A_FILE = "to run those of a file, name it in place of `conformance`: `pytest conformance/rules/test_streams.py`"


def problem_of(patterns: Iterable[str]) -> str | None:
    """A sentence about the first pattern that matches no rule, with what may have been meant; None if there is none."""
    for pattern in patterns:
        is_known = any(fnmatchcase(name, pattern) for name in measured() | written())
        # Some ids are put together of a subject and a name.
        is_known = is_known or pattern.partition(".")[2] in written()
        if not is_known and not any(fnmatchcase(pattern, generated) for generated in GENERATED):
            if names_file(pattern):
                return f"--rule takes the ids of rules, and not {pattern!r}; {OF_A_FILE}"
            return f"--rule: no rule is called {pattern!r}{meant(pattern, measured())}; --list-rules lists all"
    return None


def names_file(pattern: str) -> bool:
    """Whether somebody meant a file of rules, or a test in it."""
    return "/" in pattern or "::" in pattern or pattern.endswith(".py")


def meant(pattern: str, names: Iterable[str]) -> str:
    """The names that may have been meant, in brackets; nothing if there are none."""
    similar = difflib.get_close_matches(pattern, names, n=3)
    return f" (did you mean {' or '.join(similar)}?)" if similar else ""


def may_be_property(pattern: str) -> bool:
    """Whether a pattern can match a rule that is checked with generated requests."""
    properties = [name for name in measured() if name.startswith(PROPERTIES)]
    return pattern.startswith(PROPERTIES) or any(fnmatchcase(name, pattern) for name in properties)


@cache
def measured() -> frozenset[str]:
    """The ids whose costs are recorded."""
    table: dict[str, dict[str, object]] = json.loads(COSTS.read_text(encoding="utf-8"))
    return frozenset(name for costs in table.values() for name in costs)


@cache
def written() -> frozenset[str]:
    """The ids that stand in the code of the rules, among other words."""
    files = (path for folder in SOURCES for path in (SUITE / folder).glob("*.py"))
    return frozenset(name for path in files for name in LITERAL.findall(path.read_text(encoding="utf-8")))
