#!/usr/bin/env python3
"""Writes generated/aurous_client from openapi.yaml; `--check` tells whether it is what the spec gives.

    python scripts/regenerate.py
    python scripts/regenerate.py --check
    python scripts/regenerate.py --spec other.yaml --output somewhere/aurous_client

Exit codes: 0 written or equal, 1 the check found a difference or the spec has a fault, 2 the command line has one.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from environment import exit_with

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "generated" / "aurous_client"
RELEASED = ROOT / "conformance" / "aurous_mock" / "specs"
NEEDED = ("openapi_python_client", "openapi_spec_validator", "ruamel.yaml", "ruff")


class UsageError(Exception):
    """The command line, or the place where it is run, does not allow what it asks for."""


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        _require_tools()
        return check(options.spec, options.output) if options.check else write(options.spec, options.output)
    except UsageError as error:
        print(f"regenerate: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"regenerate: {error.filename or options.output}: {error.strerror or error}", file=sys.stderr)
        return 2


def check(spec: Path, output: Path) -> int:
    """Tell how `output` differs from what the spec gives, and write nothing."""
    from generator import output_tree

    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, output.name)
        if not generate(spec, fresh, _released()):
            return 1
        differences = output_tree.differences(fresh, output)
    unexpected_siblings = output_tree.unexpected_siblings(output) if output == PACKAGE else []
    differences += unexpected_siblings
    if not differences:
        print(f"{_relative(output)} is what the spec gives")
        return 0
    print(f"{_relative(output)} is not what the spec gives; {len(differences)} path(s) differ:")
    print("\n".join(differences))
    print("To write it anew: python scripts/regenerate.py")
    if unexpected_siblings:
        print(f"What stands beside {output.name}/ is not its business: move or delete it")
    return 1


def write(spec: Path, output: Path) -> int:
    """Replace `output` as a whole, or leave it as it is."""
    from generator import output_tree

    output_tree.recover(output)
    if output_tree.is_foreign(output):
        raise UsageError(f"{output} holds something else than a generated client; it would be replaced")
    with output_tree.staging(output) as staged:
        fresh = staged / output.name
        if not generate(spec, fresh, _released()):
            return 1
        output_tree.replace(output, fresh)
    print(f"wrote {_relative(output)}")
    return 0


def generate(source: Path, package: Path, earlier: Sequence[Path] = ()) -> bool:
    """Write the package of a spec into a new folder, formatted and proven complete; or say what is wrong with it.

    earlier: the specs of the versions that its clients can be pinned to
    """
    from generator import coverage, earlier_versions, lint, project, yaml_loader
    from generator.spec import Spec, SpecError

    try:
        spec = Spec(source)
        spec.validate()
        spec.normalize()
        lint.check(spec)
        earlier_versions.relax(spec, [yaml_loader.load(path) for path in earlier])
        project.build(spec, package)
        _format(package)
        coverage.check(spec, package)
    except SpecError as error:
        return _refuse(error.faults)
    return True


def _released() -> list[Path]:
    return sorted(RELEASED.glob("*.yaml"))


def _refuse(faults: Sequence[str]) -> bool:
    print(f"regenerate: the spec has {len(faults)} fault(s); nothing was written", file=sys.stderr)
    print("\n".join(faults), file=sys.stderr)
    return False


def _format(package: Path) -> None:
    """Format with the pinned ruff, whatever configuration lies around."""
    from generator.spec import SpecError

    ruff = [sys.executable, "-P", "-m", "ruff"]
    common = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311", "--line-length", "120"]
    # The folder for temporary files may be one that git ignores, as under nox.
    common += ["--no-respect-gitignore"]
    # From the parent folder: inside the package, its types.py would stand before the standard library's.
    for step in (["check", "--fix-only", "--select", "F401,I001"], ["format"]):
        completed = subprocess.run(
            [*ruff, *step, *common, package.name], cwd=package.parent, capture_output=True, text=True, check=False
        )
        if completed.returncode:
            message = " ".join(completed.stderr.split())
            raise SpecError([f"the generator wrote what is not Python, which is a fault of its own: {message}"])


def _require_tools() -> None:
    missing = []
    for name in NEEDED:
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            spec = None
        missing += [] if spec else [name]
    if missing:
        raise UsageError(f"{', '.join(missing)} not installed; run: pip install -e '.[dev]'")


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="regenerate", allow_abbrev=False, description="Write the generated client from the spec."
    )
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
    return options


if __name__ == "__main__":
    exit_with(main)
