"""A copy's changes come home as a whole or not at all, whatever interrupts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rehearsal
from release import apply

PROGRAM = Path(__file__).resolve().parent / "programs" / "apply_and_die.py"
# One file is changed, one removed with its folder, two are new, one of them in a new folder: with the journal written
# and removed, six strokes.
BEFORE = {"spec.yaml": "old", "models/gone.py": "gone", "same.py": "same"}
AFTER = {"spec.yaml": "new", "api/team/get.py": "team", "made.py": "made", "same.py": "same"}
STROKES = 6


def files(root: Path) -> dict[str, str]:
    paths = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(root)): path.read_text() for path in paths}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    for name, text in BEFORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    rehearsal.git(root, "init", "--quiet")
    rehearsal.commit(root, "Before")
    return root


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    apply.copy(home, root)
    assert files(root) == BEFORE
    (root / "models/gone.py").unlink()
    for name, text in AFTER.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def untouched(home: Path) -> bool:
    folders = {path.name for path in home.iterdir() if path.is_dir()} - {".git"}
    return files(home) == BEFORE and folders == {"models"} and not apply.changed(home)


def test_all_changes_are_applied(home: Path, copy: Path) -> None:
    assert sorted(apply.apply_changes(copy, home)) == ["api/team/get.py", "made.py", "models/gone.py", "spec.yaml"]
    assert files(home) == AFTER
    assert not (home / "models").exists()
    assert apply.recover(home) is False
    assert not (home / ".git" / "aurous-bump").exists()


def interrupted(act: Callable[..., Any], strokes: list[str], last: int) -> Callable[..., Any]:
    def wrapper(*arguments: Any) -> Any:
        strokes.append(act.__name__)
        if len(strokes) == last:
            raise KeyboardInterrupt
        return act(*arguments)

    return wrapper


@pytest.mark.parametrize("last", range(1, STROKES + 1))
def test_interrupted_application_leaves_the_tree_unchanged(
    home: Path, copy: Path, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    strokes: list[str] = []
    for name in ("replace", "remove"):
        monkeypatch.setattr(os, name, interrupted(getattr(os, name), strokes, last))
    with pytest.raises(KeyboardInterrupt):
        apply.apply_changes(copy, home)
    assert untouched(home)


@pytest.mark.parametrize("last", range(1, STROKES + 1))
def test_killed_application_is_undone_by_the_next_run(home: Path, copy: Path, last: int) -> None:
    result = subprocess.run([sys.executable, PROGRAM, copy, home, str(last)], check=False)
    assert result.returncode == -9
    assert apply.recover(home) is (last > 1)
    assert untouched(home)


def test_every_file_operation_was_tried_as_kill_point(home: Path, copy: Path) -> None:
    result = subprocess.run([sys.executable, PROGRAM, copy, home, str(STROKES + 1)], check=False)
    assert result.returncode == 0
    assert files(home) == AFTER


def test_file_edited_after_a_kill_is_left_alone(home: Path, copy: Path) -> None:
    subprocess.run([sys.executable, PROGRAM, copy, home, str(STROKES)], check=False)
    (home / "spec.yaml").write_text("by hand")
    assert apply.recover(home)
    assert files(home) == {**BEFORE, "spec.yaml": "by hand"}


def test_interrupted_recovery_can_be_repeated(home: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, PROGRAM, copy, home, str(STROKES)], check=False)
    for last in (1, 2, 3):
        with monkeypatch.context() as patched:
            strokes: list[str] = []
            for name in ("replace", "remove"):
                patched.setattr(os, name, interrupted(getattr(os, name), strokes, last))
            with pytest.raises(KeyboardInterrupt):
                apply.recover(home)
    assert apply.recover(home)
    assert untouched(home)
