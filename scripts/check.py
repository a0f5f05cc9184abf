#!/usr/bin/env python3
"""Runs the static checks: generated/ against the spec, the spec against the newest archived one, style,
layers and types.

Needs nothing but Python and pip. Every check runs, whatever the others say; exit 1 if one of them fails. Checks run at
the same time, and their output is shown in order.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environment import ROOT, enter, exit_with

# All code but the tests, which are checked by running them.
PACKAGES = [
    "generated/aurous_client",
    "overlays/aurous",
    "conformance/aurous_mock",
    "conformance/harness",
    "conformance/independent",
    "conformance/mutants",
    "conformance/rules",
    "conformance/testkit",
]
SCRIPTS = [
    path for path in sorted((ROOT / "scripts").iterdir()) if path.suffix == ".py" or (path / "__init__.py").exists()
]
TYPED = ["noxfile.py", *PACKAGES, *(str(path.relative_to(ROOT)) for path in SCRIPTS if path.name != "tests")]
CHECKS = {
    "drift": [sys.executable, "scripts/regenerate.py", "--check"],
    "spec": [sys.executable, "scripts/spec_gate.py"],
    "style": [sys.executable, "-m", "ruff", "check", "."],
    "format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "layers": [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
    "mypy": [sys.executable, "-m", "mypy", *TYPED],
    "pyright": [sys.executable, "-m", "pyright", *TYPED],
}


def main() -> int:
    argparse.ArgumentParser(prog="check.py", description=(__doc__ or "").partition("\n\n")[0]).parse_args()
    enter()
    # pyright looks for `python` on the path to learn where packages are.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    failed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # The last ones take the longest.
        running = {name: pool.submit(run, command) for name, command in reversed(CHECKS.items())}
        for name in CHECKS:
            print(f"== {name}", flush=True)
            completed = running[name].result()
            print(completed.stdout, end="", flush=True)
            if completed.returncode != 0:
                failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    exit_with(main)
