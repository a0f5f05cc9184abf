"""Owns a made-up next version of the API, and a tree of the project in which it can be released; tests nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEXT = "2099-09-01"
DAY = "2099-09-02"
_ROOTS = ("generated", "overlays", "conformance")
_TEAM = """\
    Team:
      type: object
      description: The team that owns the key.
      required: [id, name]
      properties:
        id:
          type: string
          example: team_1
        name:
          type: string
          example: Ada

"""
_MOOD = """\
        mood:
          type: string
          description: In which mood to answer.
          example: calm
"""


def tree(folder: Path) -> Path:
    """The project as it stands on the disk, as a clean repository of its own."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    commit(folder, "As it is")
    return folder


def git(folder: Path, *arguments: str) -> str:
    known = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *known, *arguments], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607
    return done.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a tree, with the packages of that tree."""
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )


def environment(folder: Path) -> dict[str, str]:
    paths = os.pathsep.join(str(folder / name) for name in _ROOTS)
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def edit(spec: Path) -> None:
    """What the maintainer would write after reading the pages of the next version: one change of every sort."""
    text = spec.read_text(encoding="utf-8")
    # A bound is tightened.
    text = _replaced(
        text, "          minimum: 0\n          maximum: 2\n", "          minimum: 0\n          maximum: 1.5\n"
    )
    # A value is added to an enum.
    text = _replaced(text, "enum: [minimal, low, medium, high]", "enum: [minimal, low, medium, high, most]")
    # A member is added to the request, where none was required.
    text = _replaced(text, "        vision_quality:\n", f"{_MOOD}        vision_quality:\n")
    # A member of a response is removed, and the enum of its values with it.
    text = _cut(text, "        billing_mode:\n          #", "    Currency:\n", "\n")
    text = text.replace("                    billing_mode: metered\n", "")
    # An operation is added, with a model of its own.
    text = _cut(text, "    BillingMode:\n", "  # Every documented error code", _TEAM)
    return _add_operation(spec, text)


def _add_operation(spec: Path, text: str) -> None:
    start, end = text.index("  /v1/balance:\n"), text.index("\ncomponents:\n")
    operation = text[start:end]
    for old, new in {
        "/v1/balance": "/v1/team",
        "retrieveBalance": "retrieveTeam",
        "[balance]": "[team]",
        "schemas/Balance": "schemas/Team",
    }.items():
        operation = operation.replace(old, new)
    operation = _cut(
        operation,
        "                  value:\n",
        '        "400"',
        "                  value:\n                    id: team_1\n                    name: Ada\n",
    )
    text = f"{text[:end]}\n{operation}{text[end:]}"
    tag = "  - name: team\n    description: The team that owns the key.\n"
    spec.write_text(_replaced(text, "  - name: balance\n", f"{tag}  - name: balance\n"), encoding="utf-8")


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"the spec no longer has one {old!r}"
    return text.replace(old, new)


def _cut(text: str, start: str, end: str, instead: str) -> str:
    first = text.index(start)
    return text[:first] + instead + text[text.index(end, first) :]


@contextmanager
def mock(folder: Path) -> Iterator[str]:
    """The mock server of a tree; its address."""
    command = [sys.executable, "-m", "aurous_mock", "--port", "0", "--no-access-log"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()
