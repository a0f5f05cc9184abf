#!/usr/bin/env python3
"""Refuses a spec that breaks clients without saying so: `python3 scripts/spec_gate.py`, in CI and before a commit.

Compares openapi.yaml with the spec that was released last, prints the changes as Markdown, and fails if one of them is
breaking while the package's version is not raised accordingly, or if a released spec was edited.

Exit codes: 0 all is well, 1 a breaking change without a version that says so, 2 it cannot say.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from environment import enter, exit_with

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="spec_gate",
        allow_abbrev=False,
        description="Refuse a spec that breaks clients without a version that says so.",
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree to look at (default: this one)")
    root = parser.parse_args(arguments).root
    if not root.is_dir():
        parser.error(f"{root} is no folder")
    from release import archive, versions
    from specdiff import comparison, redocly, render, sources

    try:
        last = archive.check(root)[-1]
        with tempfile.TemporaryDirectory() as folder:
            old, new = (sources.read(str(path), Path(folder)) for path in (last.path, root / "openapi.yaml"))
            report = comparison.compare(old, new, Path(folder))
        current = versions.read(root)
    except archive.ArchiveError as error:
        print(f"spec_gate: {error}", file=sys.stderr)
        return 1
    except (sources.SourceError, redocly.RedoclyError, versions.VersionError, OSError) as error:
        print(f"spec_gate: {error}", file=sys.stderr)
        return 2
    print(render.as_markdown(report))
    wanted = last.package.after(report.bump)
    if report.bump == "major" and current < wanted:
        message = (
            f"{report.counts['breaking']} breaking change(s) since aurous-labs {last.package} ({last.api_version})"
        )
        print(f"spec_gate: {message}, and the version is {current}; it must be {wanted} or later", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    enter()
    exit_with(main)
