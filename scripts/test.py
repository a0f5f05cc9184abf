#!/usr/bin/env python3
"""Runs the tests, on all cores: `python3 scripts/test.py [options of pytest]`. Needs nothing but Python and pip.

Leaves out those that are marked `slow`, which are few and take as long as all others together, unless the options name
files or folders, or choose by `-m`: `-m slow` runs these.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from environment import ROOT, enter


def main() -> int:
    enter()
    options = sys.argv[1:]
    if not any(each.startswith("-m") or (ROOT / each.partition("::")[0]).exists() for each in options):
        options = ["-m", "not slow", *options]
    # More than there are cores, since many tests wait; and by files, so that what those of one share is made once.
    workers = min(3 * (os.cpu_count() or 2) // 2, 16)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadfile", *options]
    # Tests start hundreds of processes. What these import is compiled once, and beside the code nothing is written.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as bytecode:
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
