"""Selects the test files that the changes of a spec affect, to run them before all others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from specdiff.changes import Change, Report

# The folders of tests, and those that concern any change of the spec.
FOLDERS = ("overlays/tests", "conformance/selftest", "scripts/tests")
_ALWAYS = ("scripts/tests/generator/test_regenerate_command.py", "scripts/tests/generator/test_pins.py")
# Names that stand in almost every test file select nothing.
_MAX_SHARE = 1 / 3
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")


def select(root: Path, report: Report) -> list[str]:
    """The test files of a tree that name what changed, and those for any change, relative to the tree."""
    files = [path for folder in FOLDERS for path in sorted((root / folder).rglob("test_*.py"))]
    words = {path: set(_NAME.findall(path.read_text(encoding="utf-8"))) for path in files}
    selected = {root / name for name in _ALWAYS if (root / name).exists()}
    for name in {name for change in report.changes for name in _names(change)}:
        found = [path for path in files if name in words[path]]
        if len(found) <= _MAX_SHARE * len(files):
            selected.update(found)
    return sorted(str(path.relative_to(root)) for path in selected)


def _names(change: Change) -> Iterator[str]:
    """The names in the subject of a change: members, codes, schemas, segments of a path."""
    yield from (name for name in _NAME.findall(change.subject) if len(name) > 2 and name.upper() != name)
