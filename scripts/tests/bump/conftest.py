"""Fixtures of the versions with realistic changes: the tree of a version, before and after its bump, and its mock.

Each version is a class in a file of its own, so that they are tested side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("realistic_version")

import realistic_version  # noqa: E402
import rehearsal  # noqa: E402


@pytest.fixture(scope="class")
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree with the changed spec and the edits by hand, committed."""
    version: type[realistic_version.RealisticVersion] = request.cls
    tree = rehearsal.tree(tmp_path_factory.mktemp("tree"))
    realistic_version.change_spec(tree, version.changes)
    for name, old, new in version.edits:
        path = tree / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} no longer has one {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    rehearsal.commit(tree, "Follow the pages of the next version")
    return tree


@pytest.fixture(scope="class")
def bumped(tree: Path) -> Path:
    """The tree after the bump, which has run the tests; nothing else was edited."""
    completed = realistic_version.bump(tree)
    assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr
    return tree


@pytest.fixture(scope="class")
def mock(bumped: Path) -> Iterator[str]:
    with rehearsal.mock(bumped) as url:
        yield url
