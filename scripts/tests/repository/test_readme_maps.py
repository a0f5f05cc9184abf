"""The maps in the README of each source root name every module there is, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from environment import ROOT

# What no reader looks for.
UNNAMED = {"__init__", "__main__", "__pycache__", "_version", "conftest"}
PACKAGES = {"aurous", "aurous_client", "aurous_mock"}


def modules_in(folder: Path) -> set[str]:
    packages = [path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))]
    return ({path.stem for path in folder.glob("*.py")} | {path.name for path in packages}) - UNNAMED


def modules_below(folder: Path) -> set[str]:
    packages = [path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))]
    return modules_in(folder).union(*map(modules_below, packages))


def named_in(text: str) -> set[str]:
    """What a map has in code marks that can be a module."""
    return {name for name in re.findall(r"`(\w+)`", text) if not name.startswith("test_")}


@pytest.mark.parametrize(
    ("readme", "folders"),
    [
        ("overlays/README.md", ["overlays/aurous"]),
        ("conformance/README.md", ["conformance/aurous_mock", "conformance/harness"]),
        ("scripts/README.md", []),
    ],
)
def test_a_map_and_the_tree_agree(readme: str, folders: list[str]) -> None:
    root = (ROOT / readme).parent
    there = modules_in(root).union(*(modules_below(ROOT / folder) for folder in folders))
    there -= {"tests"} if folders == ["overlays/aurous"] else set()
    named = named_in((ROOT / readme).read_text(encoding="utf-8")) - (PACKAGES - there)
    assert (there - named, named - there) == (set(), set())
