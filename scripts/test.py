#!/usr/bin/env python3
"""Runs all tests: `python3 scripts/test.py [options of pytest]`. Needs nothing but Python and pip."""

from __future__ import annotations

import subprocess
import sys

from environment import ROOT, enter


def main() -> int:
    enter()
    return subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
