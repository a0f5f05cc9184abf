"""The map in the README of each source root names every module there is, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from environment import ROOT

# Modules that a map need not name.
UNNAMED = {"__init__", "__main__", "__pycache__", "_version", "conftest"}
DISTRIBUTED = {"aurous", "aurous_client", "aurous_mock"}


def modules_in(folder: Path) -> set[str]:
    packages = [path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))]
    return ({path.stem for path in folder.glob("*.py")} | {path.name for path in packages}) - UNNAMED


def modules_below(folder: Path) -> set[str]:
    packages = [path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))]
    return modules_in(folder).union(*map(modules_below, packages))


def named_in(text: str) -> set[str]:
    """The names in code marks that can be modules: without capitals, which classes have."""
    return {name for name in re.findall(r"`(\w+)`", text) if name == name.lower() and not name.startswith("test_")}


@pytest.mark.parametrize(
    ("readme", "folders"),
    [
        ("overlays/README.md", ["overlays/aurous"]),
        ("conformance/README.md", ["conformance/aurous_mock", "conformance/harness", "conformance/testkit"]),
        ("scripts/README.md", []),
    ],
)
def test_readme_map_names_every_module(readme: str, folders: list[str]) -> None:
    root = (ROOT / readme).parent
    expected = modules_in(root).union(*(modules_below(ROOT / folder) for folder in folders))
    expected -= {"tests"} if folders == ["overlays/aurous"] else set()
    named = named_in((ROOT / readme).read_text(encoding="utf-8"))
    assert expected - named == set()
    assert named - modules_below(root) - DISTRIBUTED == set()
