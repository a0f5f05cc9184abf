#!/usr/bin/env python3
"""Runs the tests on all cores: `python3 scripts/test.py [options of pytest]`. Needs nothing but Python and pip.

Skips the tests marked `slow`, which take longer than all others together, unless the options name files or folders, or
select by `-m`: `-m slow` runs only those. With `-m`, the rules of the suite are left out: none of them is slow. The
last lines name the tests that failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import pairwise
from pathlib import Path

from environment import ROOT, enter, exit_with

# The conformance suite, against its own mock. It has no slow tests.
SUITE = "conformance/rules"
# The folders of tests, the slowest first: in any other order their slow files end alone, with all other cores idle.
FOLDERS = ("scripts/tests", "overlays/tests", "conformance/selftest")
# What has a pytest of its own, the longest first for the same reason: each is a folder without those listed inside it.
PARTS = (
    "conformance/selftest/mock",
    "overlays/tests",
    "scripts/tests/generator",
    "overlays/tests/streams",
    "conformance/selftest",
    "scripts/tests",
    "overlays/tests/cli",
    "overlays/tests/calls",
    "overlays/tests/batch",
)
# Options of pytest whose value is the argument after them, such as a word that is also the name of a folder.
WITH_VALUE = ("-k", "-m", "-p", "-n", "-o", "-c", "-W")
# pytest's exit code where the options leave nothing to run.
NO_TESTS = 5


def main() -> int:
    enter()
    # Where pytest knows itself on CI it prints structures whole, and the log ends long before the failed test's name.
    for name in ("CI", "BUILD_NUMBER"):
        os.environ.pop(name, None)
    options = sys.argv[1:]
    # More than there are cores, since some tests wait.
    at_once = 2 * (os.cpu_count() or 2)
    with tempfile.TemporaryDirectory() as folder:
        failures = Path(folder, "failures")
        failures.touch()
        pytest = [sys.executable, "-m", "pytest", "-q", "--tb=short"]
        pytest += ["-p", "testkit.failures", f"--failures={failures}"]
        # By file, so that fixtures of a module are made once.
        distributed = [*pytest, "-n", str(min(at_once, 16)), "--dist", "loadfile"]
        if names_places(options):
            code = subprocess.run([*distributed, *options], cwd=ROOT, check=False).returncode
        elif any(each.startswith("-m") for each in options):
            ordered = [*distributed, *options, "--no-loadscope-reorder", *FOLDERS]
            code = subprocess.run(ordered, cwd=ROOT, check=False).returncode
        else:
            # A worker of a distributed run collects all tests; each of these collects its own only.
            quick = [[*pytest, "-m", "not slow", *options, *part] for part in parts()]
            code = _run([*quick, [*pytest, *options, SUITE]], at_once)
        for line in failures.read_text(encoding="utf-8").splitlines():
            print(f"failed: {line}")
    return code


def names_places(options: list[str]) -> bool:
    """Whether any of them names a file, a folder or a test in one."""
    arguments = [option for before, option in pairwise(["", *options]) if before not in WITH_VALUE]
    return any((ROOT / argument.partition("::")[0]).exists() for argument in arguments)


def parts() -> Iterator[list[str]]:
    """The arguments of each pytest."""
    for folder in PARTS:
        # It takes longer to load than all other plugins, and only the suite generates its requests with it.
        unused = [] if folder.startswith("conformance/") else ["-p", "no:schemathesis"]
        yield [*unused, folder, *(f"--ignore={part}" for part in PARTS if part.startswith(f"{folder}/"))]


def _run(commands: list[list[str]], at_once: int) -> int:
    """Run that many commands at once, and show the output of each when it has ended."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(command: list[str]) -> tuple[int, str]:
        # Not a pipe, which a process that a test leaves behind would keep open.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
            processes.append(process)
            code = process.wait()
            output.seek(0)
            return code, output.read()

    codes = set()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for each in as_completed([pool.submit(run, command) for command in commands]):
                code, output = each.result()
                print(output, flush=True)
                codes.add(code)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
    return max(codes - {NO_TESTS}, key=abs, default=NO_TESTS)


if __name__ == "__main__":
    exit_with(main)
