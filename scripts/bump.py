#!/usr/bin/env python3
"""Makes the release that speaks a new version of the API, after openapi.yaml was changed to match its pages.

    python3 scripts/bump.py 2026-09-01 --dry-run
    python3 scripts/bump.py 2026-09-01

Sets info.version, regenerates the client, compares with the last released spec, sets the package version by Semantic
Versioning, writes the entry of CHANGELOG.md, archives the spec, from which mock and suite know the version, and runs
the tests, those that the changes affect first. The date of the newest released version releases corrections of it,
which break no client. All that happens in a copy; the tree changes at the end, as a whole.
Ctrl-C, SIGTERM and SIGHUP leave the tree unchanged. After a kill -9 the next run, or `--recover`, undoes what had
begun; the copy then stays in the folder for temporary files.

Exit codes: 0 success, 1 the spec is invalid or a test failed, 2 usage error or the tree is not clean, 130 interrupted.
"""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from environment import INTERRUPTED, enter, exit_with

if TYPE_CHECKING:
    from release import bump_steps

ROOT = Path(__file__).resolve().parent.parent
ENDINGS = [signal.SIGINT, signal.SIGTERM]
# Under nohup, SIGHUP is ignored and stays so.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
    ENDINGS.append(signal.SIGHUP)


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    before = {number: signal.signal(number, _interrupt) for number in ENDINGS}
    try:
        return _main(options)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was changed", INTERRUPTED)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _main(options: argparse.Namespace) -> int:
    from release import apply, archive, bump_steps, versions
    from specdiff import redocly, sources

    try:
        if apply.recover(ROOT):
            print("Undid a bump that was interrupted.")
        if options.api_version is None:
            return 0
        bump_steps.check(ROOT, options.api_version, options.day)
    except (archive.ArchiveError, bump_steps.BumpError, apply.GitError, versions.VersionError) as error:
        return _fail(error, 2)
    try:
        result, paths = _bump(options)
    except (
        *(archive.ArchiveError, versions.VersionError, bump_steps.BumpError, apply.GitError),
        *(sources.SourceError, redocly.RedoclyError, OSError),
    ) as error:
        return _fail(f"{error}; nothing was changed", 1)
    # Not in the `try`: from here on, something was.
    _print_report(result, len(paths), options.dry_run)
    return 0


def _bump(options: argparse.Namespace) -> tuple[bump_steps.Bump, list[str]]:
    """Make the release. Returns what it is, and the paths that differ."""
    from release import apply, bump_steps

    # An interrupted child process may still write while the folder is deleted.
    with tempfile.TemporaryDirectory(prefix="aurous-bump-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder, "tree")
        apply.copy(ROOT, copy)
        result = bump_steps.bump(
            copy, options.api_version, options.day, _tests(options), lambda step: print(f"- {step}", flush=True)
        )
        paths = apply.changed(copy)
        if not options.dry_run:
            if apply.changed(ROOT):
                raise bump_steps.BumpError("the tree was changed in the meantime")
            # From here on, an interruption would report a finished bump as interrupted.
            _ignore_endings()
            apply.apply_changes(copy, ROOT)
    return result, paths


def _tests(options: argparse.Namespace) -> bump_steps.Tests:
    """The tests to run; without an option, all."""
    from release import bump_steps

    if options.affected is not None:
        return bump_steps.AffectedTests(tuple(options.affected))
    if options.no_tests or options.tests:
        return bump_steps.NamedTests(() if options.no_tests else tuple(options.tests))
    return bump_steps.AllTests()


def _print_report(result: bump_steps.Bump, files: int, is_dry_run: bool) -> None:
    from release import checklist
    from specdiff import render

    print(f"\n{render.as_markdown(result.report)}\n")
    verb = "would change" if is_dry_run else "changed"
    print(f"{verb} {files} file(s); aurous-labs {result.after} speaks {result.api_version}")
    print("\nLeft for a person:")
    print("\n".join(f"- {line}" for line in checklist.tasks(result.report, ROOT)))


def _interrupt(number: int, frame: object) -> None:
    """End as on Ctrl-C; further signals do not interrupt the undoing."""
    _ignore_endings()
    raise KeyboardInterrupt


def _ignore_endings() -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _fail(reason: object, code: int) -> int:
    print(f"bump: {reason}", file=sys.stderr)
    return code


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bump",
        allow_abbrev=False,
        description="Make the release that speaks a new version of the API.",
    )
    parser.add_argument(
        "api_version", nargs="?", metavar="DATE", help="the Aurous-Version to speak, such as 2026-09-01"
    )
    parser.add_argument("--dry-run", action="store_true", help="do everything in the copy, change no file")
    parser.add_argument(
        "--tests",
        action="append",
        default=[],
        metavar="PATH",
        help="run only these tests, as pytest names them; repeatable (default: affected ones first, then all)",
    )
    parser.add_argument(
        "--affected",
        nargs="*",
        metavar="FOLDER",
        help="run only the tests that the changes affect, in these folders (default: all)",
    )
    parser.add_argument("--no-tests", action="store_true", help="run no tests")
    parser.add_argument(
        "--day", default=datetime.date.today().isoformat(), help="the date of the release (default: today)"
    )
    parser.add_argument("--recover", action="store_true", help="only undo a bump that was killed")
    options = parser.parse_args(arguments)
    if (options.api_version is None) != options.recover:
        parser.error("name the DATE to bump to, or --recover")
    return options


if __name__ == "__main__":
    enter()
    exit_with(main)
