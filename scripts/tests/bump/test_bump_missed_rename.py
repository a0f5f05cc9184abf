"""A rename that the client was not changed for fails the bump, which names the lines."""

from __future__ import annotations

from pathlib import Path

import pytest
import rehearsal
from next_version import BREAKING
from realistic_version import bump, change_spec
from rehearsal import NEXT

pytestmark = pytest.mark.slow


def test_bump_fails_for_a_rename_that_was_missed_and_names_its_lines(tmp_path: Path) -> None:
    tree = rehearsal.tree(tmp_path)
    change_spec(tree, [change for change in BREAKING if change.name == "member of a request renamed"])
    rehearsal.commit(tree, "Follow the pages, and forget the client")
    completed = bump(tree)
    assert completed.returncode == 1, completed.stdout[-3000:] + completed.stderr
    assert "tests that the changes affect" in completed.stdout
    # The run stops at the first of the tests that send the member, whichever that is.
    assert "FAILED overlays/tests/" in completed.stdout
    assert rehearsal.git(tree, "status", "--porcelain") == ""
    preview = rehearsal.run(tree, "scripts/bump.py", NEXT, "--day", rehearsal.DAY, "--dry-run", "--no-tests")
    _, _, listed = preview.stdout.partition("\n- `strict` ")
    assert "\n    overlays/aurous/tools/structured_output.py:" in listed.partition("\n- ")[0]
