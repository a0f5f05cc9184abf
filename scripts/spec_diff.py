#!/usr/bin/env python3
"""Tells what changed between two specs, and judges each change for a client of the API.

    python3 scripts/spec_diff.py git:HEAD openapi.yaml
    python3 scripts/spec_diff.py conformance/aurous_mock/specs/2026-05-15.yaml openapi.yaml --markdown
    python3 scripts/spec_diff.py git:v0.1.0 git:HEAD --fail-on breaking

Exit codes: 0 success, 1 a change is as grave as --fail-on says, 2 a spec cannot be read or Redocly cannot be run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from environment import enter, exit_with

GRAVITY = {"breaking": ("breaking",), "compatible": ("breaking", "compatible"), "any": None}


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    from specdiff import comparison, redocly, render, sources

    with tempfile.TemporaryDirectory() as folder:
        try:
            old, new = (sources.read(given, Path(folder)) for given in (options.old, options.new))
            report = comparison.compare(old, new, Path(folder))
        except (sources.SourceError, redocly.RedoclyError) as error:
            print(f"spec_diff: {error}", file=sys.stderr)
            return 2
    print({"text": render.as_text, "json": render.as_json, "markdown": render.as_markdown}[options.form](report))
    if options.fail_on == "never":
        return 0
    grave = GRAVITY[options.fail_on]
    return 1 if any(grave is None or change.effect.value in grave for change in report.changes) else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="spec_diff",
        allow_abbrev=False,
        description="Tell what changed between two specs, each change judged for a client of the API.",
        epilog="A spec is a file, or git:REV for openapi.yaml of that revision, or git:REV:PATH.",
    )
    parser.add_argument("old", metavar="OLD", help="the spec before")
    parser.add_argument("new", metavar="NEW", help="the spec after")
    form = parser.add_mutually_exclusive_group()
    for name, shown in (("json", "as JSON"), ("markdown", "as a Markdown section")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=f"write it {shown}")
    parser.add_argument(
        "--fail-on",
        choices=[*GRAVITY, "never"],
        default="never",
        help="exit 1 if there is a change of this gravity, or a worse one (default: %(default)s)",
    )
    parser.set_defaults(form="text")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    enter()
    exit_with(main)
