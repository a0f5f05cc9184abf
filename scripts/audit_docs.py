#!/usr/bin/env python3
"""Compares saved documentation pages with the spec, and lists the differences.

    python3 scripts/audit_docs.py pages/create-a-chat-completion.txt pages/balance.txt
    python3 scripts/audit_docs.py --json pages/*.txt

A page is the plain text of an API reference page, as a browser copies or saves it. Accepted differences are listed with
their reasons in scripts/audit/accepted.yaml; --all shows them too.

Exit codes: 0 every difference is accepted, 1 one is not, 2 a page or a file cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from environment import enter, exit_with

if TYPE_CHECKING:
    from audit.acceptance import Entry
    from audit.facts import Difference

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = Path(__file__).resolve().parent / "audit" / "accepted.yaml"


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    from audit import acceptance, pages
    from specdiff import sources

    try:
        entries = acceptance.load(options.accepted)
        differences = acceptance.mark(audit(options.pages, options.spec), entries)
    except (acceptance.AcceptanceError, pages.PageError, sources.SourceError) as error:
        print(f"audit_docs: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"audit_docs: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    print(
        _json(differences)
        if options.json
        else _text(differences, entries, show_all=options.all, pages=len(options.pages))
    )
    return 1 if any(not difference.reason for difference in differences) else 0


def audit(saved: list[Path], spec: str) -> list[Difference]:
    """Every difference between saved pages and a spec, accepted or not."""
    from audit import comparison, pages
    from specdiff import sources

    with tempfile.TemporaryDirectory() as folder:
        source = sources.read(spec, Path(folder))
        read = [pages.read(path) for path in saved]
        return [difference for page in read for difference in comparison.compare(page, source)]


def _text(differences: list[Difference], entries: list[Entry], *, show_all: bool, pages: int) -> str:
    lines = []
    page = ""
    for difference in differences:
        if difference.reason and not show_all:
            continue
        if difference.page != page:
            page = difference.page
            lines += [f"{page}: {difference.operation}"]
        lines.append(f"  {page}:{difference.line}: {difference.kind.value}: {difference.text}")
        lines.append(f"    {difference.pointer}")
        if difference.reason:
            lines.append(f"    accepted: {difference.reason}")
    open_, accepted = (sum(bool(difference.reason) is want for difference in differences) for want in (False, True))
    unused = [entry for entry in entries if not entry.uses]
    lines.append(f"{pages} page(s), {open_} difference(s), {accepted} accepted")
    if show_all and unused:
        lines.append(f"{len(unused)} accepted difference(s) match nothing on these pages:")
        lines += [f"  {entry.operation} {entry.pointer} {entry.about}" for entry in unused]
    return "\n".join(lines)


def _json(differences: list[Difference]) -> str:
    listed = [{**asdict(difference), "kind": difference.kind.value} for difference in differences]
    return json.dumps({"differences": listed, "open": sum(not row["reason"] for row in listed)}, indent=2)


def _file(text: str) -> Path:
    if not text:
        # A path without a name is the working folder.
        raise argparse.ArgumentTypeError("the name of the file is empty")
    return Path(text)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="audit_docs",
        allow_abbrev=False,
        description="Compare saved documentation pages with the spec, and list the differences.",
    )
    parser.add_argument("pages", nargs="+", type=_file, metavar="PAGE.txt", help="a saved page, as plain text")
    parser.add_argument(
        "--spec", default=str(ROOT / "openapi.yaml"), help="the spec: a file or git:REV (default: openapi.yaml)"
    )
    parser.add_argument(
        "--accepted", type=_file, default=ACCEPTED, help="the file of accepted differences (default: %(default)s)"
    )
    parser.add_argument("--all", action="store_true", help="show the accepted ones too, with their reasons")
    parser.add_argument("--json", action="store_true", help="write all of them, accepted or not, as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    enter()
    exit_with(main)
