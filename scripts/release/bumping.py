"""Owns the steps of a bump, done in a copy of the tree; the tree itself is touched by none of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from specdiff import classify, render, sources
from specdiff.changes import Report

from . import apply, archive, changelog, versions
from .versions import Version

SPEC = Path("openapi.yaml")
# Pins the version for those who try the spec with schemathesis.
TRIAL = Path("schemathesis.toml")
# Where the copy's own packages are, before those that are installed.
_ROOTS = ("generated", "overlays", "conformance")
_ALL_TESTS = ("-n", "auto")


class BumpError(Exception):
    """The bump cannot go on; the message is one line for a person, what went before it is on the terminal."""


@dataclass(frozen=True)
class Bump:
    """What a bump came to."""

    api_version: str
    before: Version
    after: Version
    report: Report


def check(root: Path, api_version: str) -> None:
    """Refuse what cannot be bumped. Raises BumpError, VersionError, ArchiveError or GitError."""
    versions.api_date(api_version)
    dirty = apply.changed(root)
    if dirty:
        raise BumpError(f"the tree is not clean ({len(dirty)} path(s), {dirty[0]} among them); commit them first")
    last = archive.check(root)[-1]
    if api_version <= last.api_version:
        raise BumpError(f"{api_version} is not later than {last.api_version}, which was released last")


def bump(root: Path, api_version: str, day: str, tests: Sequence[str] | None, say: Callable[[str], None]) -> Bump:
    """Do all steps of the bump in `root`, a copy. `tests` are arguments of pytest; None runs no test."""
    last = archive.released(root)[-1]
    before = versions.read(root)
    say(f"{SPEC}: info.version becomes {api_version}")
    _set_version(root / SPEC, api_version)
    _set_pin(root / TRIAL, api_version)
    say("generated/: the client is written anew")
    _run(root, [sys.executable, "scripts/regenerate.py"], "the spec cannot be generated from")
    say(f"diff against {last.api_version}, released with {last.package}")
    # Beside the copy: what lies inside it would be brought home.
    scratch = root.parent / "compared"
    scratch.mkdir()
    old, new = (sources.read(str(path), scratch) for path in (last.path, root / SPEC))
    report = classify.compare(old, new, scratch)
    after = max(before, last.package.after(report.bump))
    say(f"{render.summary(report)}: {report.bump}, so {before} becomes {after}")
    versions.write(root, after)
    path = root / changelog.FILE
    section = render.as_markdown(report)
    path.write_text(changelog.add(path.read_text(encoding="utf-8"), after, api_version, day, section), encoding="utf-8")
    archive.add(root, root / SPEC, api_version, after)
    if tests is not None:
        say("tests" + (f" ({' '.join(tests)})" if tests else ""))
        _run(root, [sys.executable, "-m", "pytest", "-q", *(tests or _ALL_TESTS)], "tests fail; what they say is above")
    return Bump(api_version, before, after, report)


def _set_version(path: Path, api_version: str) -> None:
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(r'(^info:\n(?:[ #].*\n)*?  version: )"[^"\n]*"', re.MULTILINE)
    replaced, count = pattern.subn(rf'\g<1>"{api_version}"', text)
    if count != 1:
        raise BumpError(f'{path.name} has no line version: "..." under info')
    path.write_text(replaced, encoding="utf-8")


def _set_pin(path: Path, api_version: str) -> None:
    text = path.read_text(encoding="utf-8")
    replaced, count = re.subn(r'(?m)^("header\.Aurous-Version" = )".*"$', rf'\g<1>"{api_version}"', text)
    if count != 1:
        raise BumpError(f'{path.name} has no line "header.Aurous-Version" = "..."')
    path.write_text(replaced, encoding="utf-8")


def _run(root: Path, command: list[str], fault: str) -> None:
    paths = os.pathsep.join(str(root / folder) for folder in _ROOTS)
    # Nothing that tests leave behind is to be brought home.
    clean = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    process = subprocess.Popen(command, cwd=root, env={**os.environ, **clean}, start_new_session=True)
    try:
        code = process.wait()
    except BaseException:
        # Before the copy is taken from under it, and with all that it started itself.
        _kill(process)
        process.wait()
        raise
    if code:
        raise BumpError(fault)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
