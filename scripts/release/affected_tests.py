"""Selects the test files that the changes of a spec affect, to run them before all others."""

from __future__ import annotations

from pathlib import Path

from generator import method_tree
from generator.spec import Pointer, Spec
from specdiff import sources
from specdiff.changes import Change, Report

from . import mentions
from .mentions import Tree

_FOLDERS = ("overlays/tests", "conformance/selftest", "scripts/tests")
# What any change of the spec affects.
_ALWAYS = ("scripts/tests/generator/test_regenerate_command.py", "scripts/tests/generator/test_pins.py")
# Of the test files. A name that stands in more of them says nothing by itself.
_MAX_SHARE = 1 / 10


def select(root: Path, report: Report) -> list[str]:
    """The test files of a tree that use what changed, and those for any change, relative to the tree."""
    tree, holders = Tree(root), mentions.owners(report)
    tests = {path for path in tree.texts if path.name.startswith("test_") and path.as_posix().startswith(_FOLDERS)}
    selected = {Path(name) for name in _ALWAYS if (root / name).exists()}
    for change in report.changes:
        operation = mentions.operation_of(change)
        if operation is None:
            selected |= _users(tree, tests, change, holders)
        else:
            selected |= _callers(tree, tests, report, operation)
    return sorted(path.as_posix() for path in selected)


def _users(tree: Tree, tests: set[Path], change: Change, holders: dict[str, set[str]]) -> set[Path]:
    """The tests that use the name that changed; of too many, those that name its model or owner as well."""
    *leading, name = mentions.path_of(change, holders)
    users = tree.files(name) & tests
    near = set[Path]().union(*map(tree.files, leading)) if leading else set()
    return _few(tests, users, users & near)


def _callers(tree: Tree, tests: set[Path], report: Report, operation: Pointer) -> set[Path]:
    """The tests that call an operation: by its path, its id, or its method, such as `models.list`."""
    selected: set[Path] = set()
    for source in (report.old, report.new):
        node = sources.find(source.document, operation)
        method = method_tree.method_names(Spec(Path(source.name), source.document)).get(operation)
        called_by = [operation[1], (node or {}).get("operationId"), method and f".{method}("]
        for text in map(str, filter(None, called_by)):
            users = {path for path in tests if text in tree.texts[path]}
            selected |= _few(tests, users)
    return selected


def _few(tests: set[Path], *choices: set[Path]) -> set[Path]:
    """The first of the choices that is not more than its share of all tests; nothing if each is."""
    return next((choice & tests for choice in choices if len(choice & tests) <= _MAX_SHARE * len(tests)), set())
