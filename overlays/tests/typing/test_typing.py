"""Type checkers: they accept what a user writes, and tell a user's mistakes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "cases"
ROOT = Path(__file__).parents[3]
FILES = sorted(HERE.glob("*.py"))
# Code of a mistake in the words of each tool.
MISTAKES = {
    "wrong_type": {"mypy": "arg-type", "pyright": "reportArgumentType"},
    "misspelt": {"mypy": "call-arg", "pyright": "reportCallIssue"},
    "no_model": {"mypy": "attr-defined", "pyright": "reportAttributeAccessIssue"},
    "not_offered": {"mypy": "attr-defined", "pyright": "reportAttributeAccessIssue"},
    "misused": {"mypy": "attr-defined", "pyright": "reportAttributeAccessIssue"},
    "not_awaited": {"mypy": "attr-defined", "pyright": "reportAttributeAccessIssue"},
}

Found = dict[str, list[tuple[int, str]]]


@cache
def found_by(tool: str) -> Found:
    """What a tool says of each file: lines and codes. Run once for all of them, since starting is what takes time."""
    errors: Found = {path.stem: [] for path in FILES}
    for name, line, code in _mypy() if tool == "mypy" else _pyright():
        errors[name].append((line, code))
    return errors


def _mypy() -> list[tuple[str, int, str]]:
    # By its cache, which lies where that of a developer does, it is quick from the second time on.
    arguments = ["--strict", "--no-error-summary", "--hide-error-context", f"--cache-dir={ROOT / '.mypy_cache'}"]
    command = [sys.executable, "-m", "mypy", "--config-file=", *arguments, *map(str, FILES)]
    output = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False).stdout
    lines = re.findall(r"^(?:.*/)?(\w+)\.py:(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE)
    assert len(lines) == output.count(": error: "), output
    return [(name, int(line), code) for name, line, code in lines]


def _pyright() -> list[tuple[str, int, str]]:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, FILES)]
    output = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False).stdout
    diagnostics = json.loads(output)["generalDiagnostics"]
    return [
        (Path(item["file"]).stem, item["range"]["start"]["line"] + 1, item.get("rule", item["message"]))
        for item in diagnostics
        if item["severity"] == "error"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["mypy", "pyright"])
class TestTools:
    def test_type_checkers_accept_valid_programs(self, tool: str) -> None:
        assert found_by(tool)["accepted"] == []

    @pytest.mark.parametrize("mistake", MISTAKES)
    def test_type_checkers_report_mistakes_at_their_line(self, tool: str, mistake: str) -> None:
        lines = (HERE / f"{mistake}.py").read_text().splitlines()
        [place] = [number for number, line in enumerate(lines, 1) if "the error is here" in line]
        errors = found_by(tool)[mistake]
        assert MISTAKES[mistake][tool] in [code for _, code in errors]
        # mypy tells of an argument that has no parameter where the call begins.
        assert {line for line, _ in errors} == {place} or (tool, mistake) == ("mypy", "misspelt")


def test_every_reported_mistake_is_expected() -> None:
    assert {path.stem for path in FILES} == {"accepted", *MISTAKES}
