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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from environment import ROOT, enter

# The conformance suite, against its own mock. It has no slow tests.
SUITE = "conformance/rules"
# Run side by side, each by a pytest that imports and collects its own tests only; the longest first.
PARTS = ("overlays/tests", "conformance/selftest", "scripts/tests")
# pytest's exit code where the options leave nothing to run.
NO_TESTS = 5


def main() -> int:
    enter()
    # Where pytest knows itself on CI it prints structures whole, and the log ends long before the failed test's name.
    for name in ("CI", "BUILD_NUMBER"):
        os.environ.pop(name, None)
    options = sys.argv[1:]
    cores = os.cpu_count() or 2
    with tempfile.TemporaryDirectory() as folder:
        failures = Path(folder, "failures")
        failures.touch()
        pytest = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--tb=short",
            "-p",
            "testkit.failures",
            f"--failures={failures}",
        ]
        if any((ROOT / each.partition("::")[0]).exists() for each in options):
            code = _run([*pytest, *_distribute(3 * cores // 2), *options])
        elif any(each.startswith("-m") for each in options):
            # The longest files first, in scripts/tests: in any other order they end alone, with all other cores idle.
            ordered = ["--no-loadscope-reorder", *reversed(PARTS)]
            code = _run([*pytest, *_distribute(3 * cores // 2), *options, *ordered])
        else:
            # A worker of a distributed run collects all tests, which is worth it only where cores would be idle.
            spread = _distribute(cores // 2) if cores > len(PARTS) else []
            commands = [[*pytest, *spread, "-m", "not slow", *options, part] for part in PARTS]
            code = _run(*commands, [*pytest, *options, SUITE])
        for line in failures.read_text(encoding="utf-8").splitlines():
            print(f"failed: {line}")
    return code


def _distribute(workers: int) -> list[str]:
    """Return the options of a distributed run: by file, so that fixtures of a module are made once."""
    return ["-n", str(min(workers, 16)), "--dist", "loadfile"]


def _run(*commands: list[str]) -> int:
    """Run commands side by side; show the output of the first while it runs, that of each other when all have ended."""
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in commands[1:]]
        processes = [
            stack.enter_context(_running(command, output))
            for command, output in zip(commands, [None, *outputs], strict=True)
        ]
        codes = {process.wait() for process in processes}
        for output in outputs:
            output.seek(0)
            print(output.read(), flush=True)
    return max(codes - {NO_TESTS}, key=abs, default=NO_TESTS)


@contextmanager
def _running(command: list[str], output: TextIO | None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output and subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
