"""Owns bringing changes from a copy of the tree home, all or none, whatever interrupts it; knows nothing of releases.

Everything new is first brought beside the tree, into the git folder, with what it will replace. Then a journal says
that the landing has begun, and files are moved one by one. Whoever finds a journal undoes what it describes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

_FOLDER = "aurous-landing"
_JOURNAL = "journal.json"


class GitError(Exception):
    """Git cannot do what is asked; the message is one line for a person."""


def git(root: Path, *arguments: str) -> str:
    """What a git command prints. Raises GitError."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError as error:
        raise GitError("git is not installed") from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines() or [f"git {arguments[0]} failed"]
        raise GitError(told[-1].removeprefix("fatal: "))
    return done.stdout.decode(errors="surrogateescape")


def changed(root: Path) -> list[str]:
    """The paths that differ from the last commit, files that are not tracked included."""
    listed = git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    return [entry[3:] for entry in listed.split("\0") if entry]


def copy(root: Path, target: Path) -> None:
    """The last commit as a repository of its own, which leaves no trace in this one."""
    git(root, "clone", "--quiet", "--no-hardlinks", "--single-branch", str(root), str(target))


def bring(source: Path, root: Path) -> list[str]:
    """Make the tree at `root` what the changed copy is. All paths are moved, or, when interrupted, none."""
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
            _put(folder / "new" / path, root / path)
        os.remove(folder / _JOURNAL)
    except BaseException:
        recover(root)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return paths


def recover(root: Path) -> bool:
    """Undo a landing that was cut off; tells whether there was one. May itself be cut off, and begun again."""
    folder = _folder(root)
    journal = folder / _JOURNAL
    begun = journal.exists()
    if begun:
        for path, landed in json.loads(journal.read_text(encoding="utf-8")).items():
            # What somebody has edited since is theirs.
            if _digest(root / path) == landed:
                _put(folder / "old" / path, root / path, keep=True)
            _remove_empty((root / path).parent)
        os.remove(journal)
    shutil.rmtree(folder, ignore_errors=True)
    return begun


def _put(source: Path, target: Path, *, keep: bool = False) -> None:
    """Make one file what another is, at one stroke; where there is no other, remove it."""
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
    # Git knows no empty folders, and neither did the tree as it was.
    while not folder.exists() or not any(folder.iterdir()):
        if folder.exists():
            folder.rmdir()
        folder = folder.parent


def _folder(root: Path) -> Path:
    return root / git(root, "rev-parse", "--git-path", _FOLDER).strip()
