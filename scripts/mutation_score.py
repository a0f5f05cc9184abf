#!/usr/bin/env python3
"""Tests the conformance suite: each planted fault has to be caught, and no legal variation may.

    python3 scripts/mutation_score.py [--server NAME] [--quick | --only ID ... | --sample N] [--schemathesis]
                                      [--record [--resume]]
    python3 scripts/mutation_score.py --mechanical [--sample N]

Exit codes: 0 all outcomes are right, 1 one is wrong, 2 usage error. Needs nothing but Python and pip.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from environment import enter, exit_with
from resilience import arguments as checks

if TYPE_CHECKING:
    from mutants.registry import Variant

MUTANTS = Path(__file__).resolve().parent.parent / "conformance" / "mutants"
RESULTS = MUTANTS / "RESULTS.md"
# The first rule that caught each planted fault: it comes first in the next run.
HINTS = MUTANTS / "seen.json"
# How many mutants are tried by default.
MECHANICAL_SAMPLE = 120


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    if options.record and options.related:
        parser.error("--related may miss what other rules catch, so that it cannot be recorded")
    checks.check_output_files(parser, options.json)
    enter()
    return _mechanical(options) if options.mechanical else _planted(options)


def _mechanical(options: argparse.Namespace) -> int:
    from mutants.source_mutation import report

    return report(workers=options.workers, size=options.sample or MECHANICAL_SAMPLE, selected=options.only)


def _planted(options: argparse.Namespace) -> int:
    from mutants.catalogue import ALL
    from mutants.code_digest import CodeDigest
    from mutants.report import Matrix, VariantResult, line_of, recorded
    from mutants.runner import run_variants

    results: list[VariantResult] = []
    digest = CodeDigest()

    def record(*added: VariantResult) -> None:
        RESULTS.write_text(Matrix(added).as_page(RESULTS.read_text(), ALL, digest))
        HINTS.write_text(Matrix(added).as_record(json.loads(HINTS.read_text()), known=ALL))

    if options.record:
        # Removes what is out of date, even if nothing is to be tried.
        record()
    finished = recorded(RESULTS.read_text(), ALL, digest) if options.resume else {}
    with _baseline(options) as reports_failures:
        for result in run_variants(
            [variant for variant in _selected(options) if variant.id not in finished],
            workers=options.workers,
            exhaustive=options.all_rules,
            hints={name: (rule,) for name, rule in json.loads(HINTS.read_text()).items()},
            baseline=reports_failures,
            together=options.together,
            related=options.related,
        ):
            results.append(result)
            if options.record:
                # After each, so that an interrupted run keeps its results; valid rows of other variants stay.
                record(result)
            print(line_of(result), flush=True)
            if options.verbose and not result.good:
                print(result.suite_run.output, flush=True)
    matrix = Matrix(results)
    print("", *map(line_of, matrix.bad), matrix.score, sep="\n")
    if options.json:
        options.json.write_text(matrix.as_json())
    return 1 if matrix.bad else 0


@contextmanager
def _baseline(options: argparse.Namespace) -> Iterator[Callable[[str], bool] | None]:
    """Plain schemathesis, which is first run on a correct server."""
    from mutants.catalogue import VARIANTS
    from mutants.schemathesis_baseline import SchemathesisBaseline
    from mutants.variant_server import running

    if not options.schemathesis:
        yield None
        return
    with running(VARIANTS["plain"]) as url:
        baseline = SchemathesisBaseline(url)
    yield baseline.reports_failures


def _selected(options: argparse.Namespace) -> list[Variant]:
    from mutants.catalogue import BY_SERVER, ServerName, quick, sample

    servers = list(ServerName) if options.server == "both" else [ServerName(options.server)]
    variants = [variant for server in servers for variant in BY_SERVER[server].values()]
    if options.only:
        unknown = [name for name in options.only if not any(each.id.startswith(name) for each in variants)]
        if unknown:
            print(f"mutation_score: no variant is called {', '.join(unknown)}", file=sys.stderr)
            sys.exit(2)
        return [variant for variant in variants if variant.id.startswith(tuple(options.only))]
    if options.quick:
        return [variant for variant in quick() if variant in variants]
    return sample(variants, options.sample) if options.sample else variants


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mutation_score.py", description=__doc__.splitlines()[0] if __doc__ else "", allow_abbrev=False
    )
    add = parser.add_argument
    add("--server", choices=("mock", "independent", "both"), default="both", help="where to plant (default: both)")
    add("--only", nargs="+", default=[], metavar="ID", help="these variants, or all whose id begins so")
    add("--quick", action="store_true", help="a subset, for every push")
    add(
        "--related",
        action="store_true",
        help="try faults on the rules of their page only: faster, and may miss some",
    )
    add(
        "--together",
        type=checks.count,
        default=8,
        metavar="N",
        help="legal variations in one independent server (default: 8)",
    )
    add(
        "--workers",
        type=checks.count,
        default=os.cpu_count() or 2,
        metavar="N",
        help="how many at a time (default: cores)",
    )
    add(
        "--all-rules",
        action="store_true",
        help="go on after the first failed rule: slow, and gives the whole matrix",
    )
    add("--schemathesis", action="store_true", help="show beside it whether plain schemathesis reports a failure")
    add(
        "--mechanical",
        action="store_true",
        help="test the suite on mutants of the mock instead",
    )
    add("--sample", type=checks.count, metavar="N", help="how many to try (default: all; of mutants 120)")
    add("--verbose", action="store_true", help="print the suite's output for what went wrong")
    add("--json", type=Path, metavar="FILE", help="write the matrix as JSON")
    add("--resume", action="store_true", help=f"leave out variants with a valid row in {RESULTS.name}")
    add(
        "--record",
        action="store_true",
        help=f"write {RESULTS.name}, and what makes the next run faster, to be committed",
    )
    return parser


if __name__ == "__main__":
    exit_with(main)
