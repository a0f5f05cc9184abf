"""Programs in the folder of a generated package, which they import in place of the repository's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OVERLAYS = Path(__file__).parents[3] / "overlays"


def run_python(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, whose package comes before the repository's, without settings of this machine."""
    paths = os.pathsep.join(map(str, (folder, OVERLAYS)))
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={"PYTHONPATH": paths, "MYPYPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def check_program(folder: Path, *arguments: object) -> None:
    """Run one of `programs`, which say so if all went well."""
    completed = run_python(folder, *arguments)
    assert (completed.returncode, completed.stdout) == (0, "all is well\n"), completed.stderr


def check_types(folder: Path, *targets: object) -> None:
    """Check files and packages with mypy, as strictly as it can."""
    completed = run_python(folder, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", *targets)
    assert completed.returncode == 0, completed.stdout
