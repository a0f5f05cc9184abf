#!/usr/bin/env python3
"""Writes generated/aurous_client from openapi.yaml; `--check` tells whether it is what the spec gives.

    python scripts/regenerate.py
    python scripts/regenerate.py --check
    python scripts/regenerate.py --spec other.yaml --output somewhere/aurous_client

Exit codes: 0 done or equal, 1 the check found a difference or the spec has a fault, 2 the command line has one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "generated" / "aurous_client"


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        from generator import tree
        from generator.spec import SpecError
    except ImportError as error:
        print(f"regenerate: {error.name} is not installed; run: pip install -e '.[dev]'", file=sys.stderr)
        return 2
    try:
        if options.check:
            with tempfile.TemporaryDirectory() as folder:
                fresh = Path(folder, "aurous_client")
                generate(options.spec, fresh)
                found = tree.differences(fresh, options.output)
            if options.output == PACKAGE:
                found += tree.strays(options.output)
            return _report(found, options.output)
        with tree.staging(options.output) as staged:
            generate(options.spec, staged / "aurous_client")
            tree.replace(options.output, staged / "aurous_client")
    except SpecError as error:
        print(f"regenerate: {len(error.faults)} fault(s) in the spec; nothing was written", file=sys.stderr)
        print("\n".join(error.faults), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"regenerate: {error.filename or options.output}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"wrote {_relative(options.output)}")
    return 0


def generate(source: Path, package: Path) -> None:
    """Write the package of a spec into a new folder, formatted and proven complete. Raises SpecError."""
    from generator import coverage, phrasing, project
    from generator.spec import Spec

    spec = Spec(source)
    spec.validate()
    phrasing.check(spec)
    project.build(spec, package)
    _format(package)
    coverage.check(spec, package)


def _format(package: Path) -> None:
    """Format with the pinned ruff, whatever configuration lies around."""
    ruff = [sys.executable, "-P", "-m", "ruff"]
    common = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311", "--line-length", "120"]
    # From the parent folder: inside the package, its types.py would stand before the standard library's.
    for step in (["check", "--fix-only", "--select", "F401,I001"], ["format"]):
        subprocess.run([*ruff, *step, *common, package.name], cwd=package.parent, check=True)  # noqa: S603


def _report(differences: list[str], output: Path) -> int:
    if not differences:
        print(f"{_relative(output)} is what the spec gives")
        return 0
    print(f"{_relative(output)} is not what the spec gives: {len(differences)} file(s) differ")
    print("\n".join(differences))
    print("run: python scripts/regenerate.py")
    return 1


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="regenerate", description="Write the generated client from the spec.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if the package differs from the spec"
    )
    parser.add_argument("--spec", type=Path, default=ROOT / "openapi.yaml", help="the spec (default: openapi.yaml)")
    parser.add_argument(
        "--output",
        type=Path,
        default=PACKAGE,
        help="the package's folder (default: generated/aurous_client); it is replaced as a whole",
    )
    options = parser.parse_args(arguments)
    options.output = options.output.resolve()
    if options.output.exists() and any(options.output.iterdir()) and not (options.output / "resources.py").exists():
        parser.error(f"{options.output} holds something else than a generated client; it would be replaced")
    return options


if __name__ == "__main__":
    sys.exit(main())
