"""A made-up next version of the API, and a copy of the project in which it can be released."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from generator.yaml_loader import load
from release import archive
from ruamel.yaml import YAML
from testkit.mock_process import MockProcess

ROOT = Path(__file__).resolve().parents[3]
RELEASED = archive.released(ROOT)[-1].api_version
# A version of the coming year: later ones would be refused as a mistake.
NEXT = f"{int(RELEASED[:4]) + 1}-01-01"
DAY = f"{int(RELEASED[:4]) + 1}-01-02"
_ROOTS = ("generated", "overlays", "conformance")
_TEXT = {"type": "string", "description": "Made up.", "example": "Ada"}
_CREW = {
    "type": "object",
    "description": "Who is at the rehearsal.",
    "required": ["id", "name"],
    "properties": {"id": _TEXT, "name": _TEXT},
}
_CREW_NOW = {"id": "crew_1", "name": "Ada"}


@dataclass(frozen=True)
class Play:
    """What the next version changes in the current spec."""

    warm: float
    """A temperature that is too high only for the next version."""
    model: str
    member: str
    """A model of an answer, and the member that the next version's has no more."""


def tree(folder: Path) -> Path:
    """Copy the project as it is on disk, as a clean repository of its own."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        # With its bytecode, which the programs that run in the tree would else compile again and again.
        for path in (ROOT / name, Path(cache_from_source(ROOT / name))):
            if path.is_file():
                target = folder / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
    git(folder, "init", "--quiet")
    commit(folder, "As it is")
    return folder


def git(folder: Path, *arguments: str) -> str:
    known = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    completed = subprocess.run(["git", *known, *arguments], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607
    return completed.stdout


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
    return {**os.environ, "PYTHONPATH": paths}


def play() -> Play:
    """The changes of the next version, derived from the current spec."""
    schemas, oldest = (
        load(path)["components"]["schemas"] for path in (ROOT / "openapi.yaml", archive.released(ROOT)[0].path)
    )
    # One that the mock sends: it may not yet send those of newer versions.
    optional = next(
        (model, member)
        for model in ("Balance", "Model")
        for member in schemas[model]["properties"]
        if member not in schemas[model]["required"] and member in oldest[model]["properties"]
    )
    return Play(schemas["ChatCompletionRequest"]["properties"]["temperature"]["maximum"] * 0.9, *optional)


def edit(spec: Path) -> None:
    """Edit the spec as a maintainer would from the pages of the next version: one change of each kind."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    document = yaml.load(spec.read_bytes())
    models = document["components"]["schemas"]
    request = models["ChatCompletionRequest"]["properties"]
    # A bound is tightened.
    request["temperature"]["maximum"] *= 0.75
    # A value is added to an enum.
    models["ReasoningEffort"]["enum"].append("most")
    # A member is added to the request, where none was required.
    request["mood"] = dict(_TEXT)
    # A member of a response is removed.
    del models[play().model]["properties"][play().member]
    # An operation is added, with a model of its own.
    models["Crew"] = deepcopy(_CREW)
    operation = deepcopy(document["paths"]["/v1/balance"]["get"])
    operation |= {"operationId": "retrieveCrew", "tags": ["crew"]}
    operation["responses"]["200"]["content"]["application/json"] = {
        "schema": {"$ref": "#/components/schemas/Crew"},
        "examples": {"one": {"value": dict(_CREW_NOW)}},
    }
    document["paths"]["/v1/crew"] = {"get": operation}
    document["tags"].append({"name": "crew", "description": "Who is at the rehearsal."})
    with spec.open("wb") as file:
        yaml.dump(document, file)


@contextmanager
def mock(folder: Path) -> Iterator[str]:
    """The mock server of a tree; its address."""
    with MockProcess("--no-access-log", cwd=folder, environment=environment(folder)) as process:
        yield process.url
