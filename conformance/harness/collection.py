"""Which tests of the suite a run of pytest collects, by its arguments, its options and the version."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from harness import contract, rule_ids
from harness.rules import rule_of

SUITE = Path(__file__).resolve().parents[1]
SELFTEST = SUITE / "selftest"
RULES = SUITE / "rules"
PROPERTIES = RULES / "test_properties.py"


def wants_rules(config: pytest.Config) -> bool:
    """Whether this session's arguments cover any rule."""
    return any(RULES.is_relative_to(path) or path.is_relative_to(RULES) for path in _arguments(config))


def is_left_out(path: Path, config: pytest.Config) -> bool:
    """Whether it is the selftests, unless named, or the properties, which take seconds to collect, unless selected."""
    if path == SELFTEST:
        return not _names_selftest(config)
    patterns = _patterns(config)
    return path == PROPERTIES and bool(patterns) and not any(map(rule_ids.may_be_property, patterns))


def select(items: list[pytest.Item], config: pytest.Config) -> None:
    """Deselect rules that the version does not have, and those that were not asked for. Raises UsageError."""
    version = contract.version()
    _keep(items, [item for item in items if (rule := rule_of(item)) is None or rule.applies_to(version)], config)
    patterns = _patterns(config)
    if not patterns:
        return
    ids = {id(item): rule.id if (rule := rule_of(item)) else "" for item in items}
    for pattern in patterns:
        if not any(fnmatchcase(rule, pattern) for rule in ids.values()):
            raise pytest.UsageError(f"--rule: no rule is called {pattern!r}; --list-rules lists all")
    selected = [item for item in items if any(fnmatchcase(ids[id(item)], pattern) for pattern in patterns)]
    _keep(items, selected, config)


def _keep(items: list[pytest.Item], selected: list[pytest.Item], config: pytest.Config) -> None:
    kept = set(map(id, selected))
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = selected


def _patterns(config: pytest.Config) -> list[str]:
    return config.getoption("rule") or []


def _names_selftest(config: pytest.Config) -> bool:
    """Whether the selftests were named, on the command line or by `testpaths` when it is empty."""
    return any(path.is_relative_to(SELFTEST) for path in _arguments(config))


def _arguments(config: pytest.Config) -> list[Path]:
    root = config.invocation_params.dir
    return [(root / argument.partition("::")[0]).resolve() for argument in config.args]
