#!/usr/bin/env python3
"""Makes the release that speaks another version of the API, after openapi.yaml was brought in line with its pages.

    python3 scripts/bump.py 2026-09-01 --dry-run
    python3 scripts/bump.py 2026-09-01

Sets info.version, generates the client, compares with the last released spec, sets the package's version by Semantic
Versioning, writes the entry of CHANGELOG.md, keeps the spec as released (by which the mock and the suite know the
version), and runs the tests. All that happens in a copy; the tree changes at the end, as a whole. Interrupted, it stays
as it was: Ctrl-C undoes what had begun, and so do SIGTERM and SIGHUP. After a kill that cannot be caught the next run
does, or `--recover`; the copy, and the tests in it until they end, are then left in the folder for temporary files.

Exit codes: 0 done, 1 the spec or a test has a fault, 2 the command line has one or the tree is not clean.
"""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
import tempfile
from pathlib import Path

from environment import enter

ROOT = Path(__file__).resolve().parent.parent
INTERRUPTED = 130
ENDINGS = [signal.SIGINT, signal.SIGTERM]
# Under nohup it is ignored, and stays so.
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
    from release import apply, archive, bumping, versions
    from specdiff import engine, sources

    try:
        if apply.recover(ROOT):
            print("A bump that was cut off is undone.")
        if options.api_version is None:
            return 0
        bumping.check(ROOT, options.api_version)
    except (archive.ArchiveError, bumping.BumpError, apply.GitError, versions.VersionError) as error:
        return _fail(error, 2)
    try:
        return _bump(options)
    except (bumping.BumpError, apply.GitError, sources.SourceError, engine.EngineError, OSError) as error:
        return _fail(f"{error}; nothing was changed", 1)
    except (archive.ArchiveError, versions.VersionError) as error:
        return _fail(f"{error}; nothing was changed", 1)


def _bump(options: argparse.Namespace) -> int:
    from release import apply, bumping, checklist
    from specdiff import render

    tests = None if options.no_tests else options.tests
    # A program that was started there and is interrupted may write a moment longer than we clean up.
    with tempfile.TemporaryDirectory(prefix="aurous-bump-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder, "tree")
        apply.copy(ROOT, copy)
        done = bumping.bump(copy, options.api_version, options.day, tests, lambda step: print(f"- {step}", flush=True))
        paths = apply.changed(copy)
        if not options.dry_run:
            if apply.changed(ROOT):
                raise bumping.BumpError("the tree was changed in the meantime")
            # It takes a moment, and is not to be called interrupted once it is done.
            _ignore_endings()
            apply.bring(copy, ROOT)
    print(f"\n{render.as_markdown(done.report)}\n")
    verb = "would change" if options.dry_run else "changed"
    print(f"{verb} {len(paths)} file(s); aurous-labs {done.after} speaks {done.api_version}")
    print("\nLeft for a person:")
    print("\n".join(f"- {line}" for line in checklist.tell(done.report)))
    return 0


def _interrupt(number: int, frame: object) -> None:
    """However it is told to end, it ends as with Ctrl-C; told again, it goes on undoing what had begun."""
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
        description="Make the release that speaks another version of the API, in one step that can be undone.",
    )
    parser.add_argument(
        "api_version", nargs="?", metavar="DATE", help="the Aurous-Version to speak, such as 2026-09-01"
    )
    parser.add_argument("--dry-run", action="store_true", help="do all of it in the copy, and leave the tree as it is")
    parser.add_argument(
        "--tests",
        action="append",
        default=[],
        metavar="PATH",
        help="run these tests only, as pytest names them; repeatable (default: all)",
    )
    parser.add_argument("--no-tests", action="store_true", help="run no tests")
    parser.add_argument(
        "--day", default=datetime.date.today().isoformat(), help="the day of the release (default: today)"
    )
    parser.add_argument("--recover", action="store_true", help="only undo a bump that was killed while files moved")
    options = parser.parse_args(arguments)
    if (options.api_version is None) != options.recover:
        parser.error("name the DATE to bump to, or --recover")
    return options


if __name__ == "__main__":
    enter()
    sys.exit(main())
