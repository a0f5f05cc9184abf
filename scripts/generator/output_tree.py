"""Compares directory trees, and replaces one by another in one step."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "Written by scripts/regenerate.py from openapi.yaml; not for editing."
"""What the __init__.py of a generated package says; a folder without it is somebody else's."""

# Left by Python and by tools wherever code is used; never part of what is generated.
_IGNORED = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"}
_SHOWN_LINES = 12


def differences(expected: Path, actual: Path) -> list[str]:
    """How `actual` differs from `expected`: one entry for each file, with the first lines of a changed one's diff."""
    wanted, present = _files(expected), _files(actual)
    lines = [f"missing: {name}" for name in sorted(wanted.keys() - present.keys())]
    lines += [f"not generated: {name}" for name in sorted(present.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & present.keys()):
        before, after = present[name].read_bytes(), wanted[name].read_bytes()
        if before != after:
            lines.append(f"changed: {name}\n{_excerpt(name, before, after)}")
    return lines


def is_foreign(target: Path) -> bool:
    """Whether there is something at `target` that is no generated package."""
    if not target.is_dir():
        return target.exists() or target.is_symlink()
    init = target / "__init__.py"
    return any(target.iterdir()) and not (init.is_file() and MARK in init.read_text("utf-8", errors="replace"))


def unexpected_siblings(target: Path) -> list[str]:
    """What stands beside `target`, in a folder that is for it alone."""
    beside = sorted(target.parent.iterdir()) if target.parent.is_dir() else []
    return [f"not generated: ../{path.name}" for path in beside if path.name not in {target.name, *_IGNORED}]


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A fresh folder beside `target`, on the same file system; gone afterwards. Clears what a killed run left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.staged-", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace(target: Path, new: Path) -> None:
    """Put `new` where `target` is. Killed between the two steps, the next run finds the old tree and puts it back."""
    old = _backup_path(target)
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        recover(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> None:
    """Put right what a run that was killed left behind."""
    old = _backup_path(target)
    if old.exists() and not target.exists():
        old.rename(target)
    for leftover in [old, *target.parent.glob(f".{target.name}.staged-*")]:
        shutil.rmtree(leftover, ignore_errors=True)


def _backup_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.replaced")


def _files(root: Path) -> dict[str, Path]:
    """Every file below `root`, by its path, and every empty folder."""
    paths: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if not _IGNORED.isdisjoint(name.parts):
            continue
        if path.is_symlink():
            paths[f"{name.as_posix()} (a link)"] = path
        elif not path.is_dir():
            paths[name.as_posix()] = path
        elif not any(path.iterdir()):
            paths[f"{name.as_posix()}/"] = path
    return paths


def _excerpt(name: str, before: bytes, after: bytes) -> str:
    lines = list(
        difflib.unified_diff(
            before.decode(errors="replace").splitlines(),
            after.decode(errors="replace").splitlines(),
            f"{name} (as it is)",
            f"{name} (as the spec gives it)",
            lineterm="",
            n=1,
        )
    )
    more = [f"... and {len(lines) - _SHOWN_LINES} more lines"] if len(lines) > _SHOWN_LINES else []
    return "\n".join(f"    {line}" for line in lines[:_SHOWN_LINES] + more)
