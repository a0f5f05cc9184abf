#!/usr/bin/env python3
"""Runs the tests on all cores: `python3 scripts/test.py [options of pytest]`. Needs nothing but Python and pip.

Skips the tests marked `slow`, which take as long as all others together, unless the options name files or folders, or
select by `-m`: `-m slow` runs only those.
"""

from __future__ import annotations

import os
import subprocess
import sys

from environment import ROOT, enter


def main() -> int:
    enter()
    options = sys.argv[1:]
    if not any(each.startswith("-m") or (ROOT / each.partition("::")[0]).exists() for each in options):
        options = ["-m", "not slow", *options]
    # More workers than cores, since many tests wait; distributed by file, so that module fixtures are made once.
    workers = min(3 * (os.cpu_count() or 2) // 2, 16)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "--dist", "loadfile", *options]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
