#!/usr/bin/env python3
"""Runs the tests on all cores: `python3 scripts/test.py [options of pytest]`. Needs nothing but Python and pip.

Skips the tests marked `slow`, which take longer than all others together, unless the options name files or folders, or
select by `-m`: `-m slow` runs only those. The last lines name the tests that failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from environment import ROOT, enter

# The conformance suite, against its own mock. It has no slow tests.
SUITE = "conformance/rules"
OTHERS = ("overlays/tests", "scripts/tests", "conformance/selftest")
# pytest's exit code where the options leave nothing to run.
NO_TESTS = 5


def main() -> int:
    enter()
    # Where pytest knows itself on CI it prints structures whole, and the log ends long before the failed test's name.
    for name in ("CI", "BUILD_NUMBER"):
        os.environ.pop(name, None)
    options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        failures = Path(folder, "failures")
        failures.touch()
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "testkit.failures", f"--failures={failures}"]
        # More workers than cores, since many tests wait; distributed by file, so that module fixtures are made once.
        workers = min(3 * (os.cpu_count() or 2) // 2, 16)
        distributed = [*pytest, "-n", str(workers), "--dist", "loadfile", "--tb=short"]
        if any((ROOT / each.partition("::")[0]).exists() for each in options):
            code = _run([*distributed, *options])
        elif any(each.startswith("-m") for each in options):
            code = _run([*distributed, *options, *OTHERS])
        else:
            # Beside the workers: each of them would first make up the requests of the whole suite.
            with (Path(folder) / "suite").open("w+", encoding="utf-8") as output:
                suite = subprocess.Popen(
                    [*pytest, "--tb=short", *options, SUITE], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
                )
                try:
                    code = _run([*distributed, "-m", "not slow", *options, *OTHERS])
                    code = max({code, suite.wait()} - {NO_TESTS}, default=NO_TESTS)
                finally:
                    suite.terminate()
                    suite.wait()
                output.seek(0)
                print(output.read(), flush=True)
        for line in failures.read_text(encoding="utf-8").splitlines():
            print(f"failed: {line}")
    return code


def _run(command: list[str]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
