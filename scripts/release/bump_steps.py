"""The steps of a bump, carried out in a copy of the tree."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from specdiff import comparison, render, sources
from specdiff.changes import Report

from . import affected_tests, apply, archive, changelog, versions
from .versions import Version

SPEC = Path("openapi.yaml")
# Pins the version for runs of schemathesis.
SCHEMATHESIS_CONFIG = Path("schemathesis.toml")
# The copy's own packages, before the installed ones.
_ROOTS = ("generated", "overlays", "conformance")
_RUNNER = "scripts/test.py"


@dataclass(frozen=True)
class AllTests:
    """Run all tests, first those that the changes affect."""


@dataclass(frozen=True)
class AffectedTests:
    """Run only the tests that the changes affect. folders: where; everywhere if empty"""

    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedTests:
    """Run only these tests, as pytest names them; none if empty."""

    names: tuple[str, ...] = ()


Tests = AllTests | AffectedTests | NamedTests


class BumpError(Exception):
    """The bump cannot continue; the message is one line, details are on the terminal."""


@dataclass(frozen=True)
class Bump:
    """The result of a bump."""

    api_version: str
    before: Version
    after: Version
    report: Report


def check(root: Path, api_version: str, day: str) -> None:
    """Refuse what cannot be bumped. Raises BumpError, VersionError, ArchiveError or GitError."""
    versions.api_date(api_version)
    versions.release_date(api_version)
    versions.release_date(day)
    dirty = apply.changed(root)
    if dirty:
        raise BumpError(f"the tree is not clean ({len(dirty)} path(s), {dirty[0]} among them); commit them first")
    last = archive.check(root)[-1]
    if api_version < last.api_version:
        raise BumpError(f"{api_version} is earlier than {last.api_version}, which was released last")


def bump(root: Path, api_version: str, day: str, tests: Tests, on_step: Callable[[str], None]) -> Bump:
    """Carry out all steps in `root`, a copy. Raises what `check` does, SourceError and RedoclyError."""
    last = archive.released(root)[-1]
    before = versions.read(root)
    on_step(f"{SPEC}: info.version becomes {api_version}")
    _set_version(root / SPEC, api_version)
    _set_pin(root / SCHEMATHESIS_CONFIG, api_version)
    on_step("generated/: the client is regenerated")
    run(root, [sys.executable, "scripts/regenerate.py"], "the spec cannot be generated from")
    # Whether that version was published is not known here: the archive has what a bump wrote.
    on_step(f"diff against {last.api_version} as archived for aurous-labs {last.package}")
    # Beside the copy, whose contents become part of the tree.
    scratch = root.parent / "compared"
    scratch.mkdir()
    old, new = (sources.read(str(path), scratch) for path in (last.path, root / SPEC))
    report = comparison.compare(old, new, scratch)
    after = max(before, last.package.after(report.bump))
    if api_version == last.api_version:
        _check_correction(report, last, after)
    on_step(f"{render.summary(report)}, so {before} becomes {after}")
    versions.write(root, after)
    path = root / changelog.FILE
    section = render.as_markdown(report)
    path.write_text(changelog.add(path.read_text(encoding="utf-8"), after, api_version, day, section), encoding="utf-8")
    archive.add(root, root / SPEC, api_version, after)
    for name, arguments in _stages(root, report, tests):
        on_step(name)
        run(root, [sys.executable, *arguments], f"{name} failed; see above")
    return Bump(api_version, before, after, report)


def _check_correction(report: Report, last: archive.Released, after: Version) -> None:
    """Refuse a release within a version of the API that breaks its clients, or that changes nothing."""
    if report.bump == "major":
        count = report.counts["breaking"]
        raise BumpError(f"{count} breaking change(s) within {last.api_version}, see spec_gate.py; name a later version")
    if after == last.package:
        raise BumpError(
            f"nothing changed since aurous-labs {last.package}; raise the version in {versions.VERSION_FILE}"
        )


def _stages(root: Path, report: Report, tests: Tests) -> Iterator[tuple[str, list[str]]]:
    """The runs of pytest, those most likely to fail first: a name and arguments of Python for each."""
    if isinstance(tests, NamedTests):
        if tests.names:
            yield f"tests ({' '.join(tests.names)})", ["-m", "pytest", "-q", *tests.names]
        return
    affected = affected_tests.select(root, report)
    if isinstance(tests, AffectedTests) and tests.folders:
        affected = [name for name in affected if name.startswith(tests.folders)]
    if affected:
        yield f"tests that the changes affect ({len(affected)} files)", [_RUNNER, "-x", "-m", "not slow", *affected]
    if isinstance(tests, AffectedTests):
        return
    yield "all quick tests", [_RUNNER]
    yield "slow tests", [_RUNNER, "-m", "slow"]


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


def run(root: Path, command: list[str], fault: str) -> None:
    paths = os.pathsep.join(str(root / folder) for folder in _ROOTS)
    # Tests must leave no files in the copy, other than those that git ignores.
    clean = {"PYTHONPATH": paths, "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    process = subprocess.Popen(command, cwd=root, env={**os.environ, **clean}, start_new_session=True)
    try:
        code = process.wait()
    except BaseException:
        # With all processes that it started, before the copy is deleted.
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
