#!/usr/bin/env python3
"""Runs all tests, on all cores: `python3 scripts/test.py [options of pytest]`. Needs nothing but Python and pip."""

from __future__ import annotations

import subprocess
import sys

from environment import ROOT, enter


def main() -> int:
    enter()
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "auto", *sys.argv[1:]], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
