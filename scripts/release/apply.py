"""Applies the changes of a copy to the tree, all or none, also if an error, a signal or a kill -9 interrupts it.

New files are first copied into the git folder, with those that they will replace. Then a journal is written, and files
are moved one by one. A journal that is found later is undone. Nothing is synced to the disk: power loss is not covered.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

_FOLDER = "aurous-bump"
_JOURNAL = "journal.json"


class GitError(Exception):
    """A git command failed; the message is one line."""


def git(root: Path, *arguments: str) -> str:
    """The output of a git command. Raises GitError."""
    try:
        result = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError as error:
        raise GitError("git is not installed") from error
    if result.returncode:
        output = result.stderr.decode(errors="replace").strip().splitlines() or [f"git {arguments[0]} failed"]
        raise GitError(output[-1].removeprefix("fatal: "))
    return result.stdout.decode(errors="surrogateescape")


def changed(root: Path) -> list[str]:
    """The paths that differ from the last commit, files that are not tracked included."""
    listed = git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    return [entry[3:] for entry in listed.split("\0") if entry]


def copy(root: Path, target: Path) -> None:
    """Clone the last commit, without a trace in this repository."""
    git(root, "clone", "--quiet", "--no-hardlinks", "--single-branch", str(root), str(target))


def apply_changes(source: Path, root: Path) -> list[str]:
    """Apply the changes of a copy to the tree at `root`: all paths or, when interrupted, none."""
    paths = changed(source)
    folder = _folder(root)
    shutil.rmtree(folder, ignore_errors=True)
    for path in paths:
        for kind, tree in (("new", source), ("old", root)):
            if (tree / path).is_file():
                (folder / kind / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree / path, folder / kind / path)
    written = folder / f"{_JOURNAL}.part"
    folder.mkdir(parents=True, exist_ok=True)
    written.write_text(json.dumps({path: _digest(source / path) for path in paths}), encoding="utf-8")
    os.replace(written, folder / _JOURNAL)
    try:
        for path in paths:
            _replace_file(folder / "new" / path, root / path)
        os.remove(folder / _JOURNAL)
    except BaseException:
        recover(root)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return paths


def recover(root: Path) -> bool:
    """Undo an application that was interrupted; returns whether there was one. Safe to interrupt and repeat."""
    folder = _folder(root)
    journal = folder / _JOURNAL
    begun = journal.exists()
    if begun:
        for path, landed in json.loads(journal.read_text(encoding="utf-8")).items():
            # Files edited since are left alone.
            if _digest(root / path) == landed:
                _replace_file(folder / "old" / path, root / path, keep=True)
            _remove_empty((root / path).parent)
        os.remove(journal)
    shutil.rmtree(folder, ignore_errors=True)
    return begun


def _replace_file(source: Path, target: Path, *, keep: bool = False) -> None:
    """Replace a file by another atomically; without another, remove it."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        if keep:
            spare = source.with_name(f"{source.name}.spare")
            shutil.copy2(source, spare)
            source = spare
        os.replace(source, target)
    elif target.is_file():
        os.remove(target)
        _remove_empty(target.parent)


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _remove_empty(folder: Path) -> None:
    # Git has no empty folders, and the tree had none before.
    while not folder.exists() or not any(folder.iterdir()):
        if folder.exists():
            folder.rmdir()
        folder = folder.parent


def _folder(root: Path) -> Path:
    return root / git(root, "rev-parse", "--git-path", _FOLDER).strip()
