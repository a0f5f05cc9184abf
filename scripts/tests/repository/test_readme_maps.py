"""The maps in the READMEs name every module in the row of its package, and nothing that does not exist."""

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


def rows_of(readme: str) -> list[tuple[str, set[str]]]:
    """The packages of the tables of a README, with the modules in the last cell."""
    lines = (ROOT / readme).read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return [(cells[0].strip("`"), named_in(cells[-1])) for cells in rows if cells[0].count("`") == 2]


def packages_below(folder: Path) -> list[Path]:
    below = [path for path in folder.rglob("*") if path.is_dir() and any(path.glob("*.py"))]
    return [folder, *(path for path in below if "tests" not in path.relative_to(folder).parts)]


@pytest.mark.parametrize(
    ("readme", "folders"),
    [
        ("overlays/README.md", ["overlays/aurous"]),
        ("conformance/README.md", ["conformance/aurous_mock", "conformance/harness", "conformance/testkit"]),
    ],
)
def test_readme_map_names_modules_in_the_row_of_their_package(readme: str, folders: list[str]) -> None:
    rows = rows_of(readme)
    for package in (package for folder in folders for package in packages_below(ROOT / folder)):
        modules = {path.stem for path in package.glob("*.py")} - UNNAMED
        named = [row for name, row in rows if name == package.name and row]
        # A row may name packages too; packages of one name have a row each. The mock's own modules are in "(none)".
        assert (
            not modules
            or any(modules <= row <= modules | modules_in(package) for row in named)
            or (package.name == "aurous_mock")
        ), f"{readme}: the row of {package.name} is not {sorted(modules)}"


@pytest.mark.parametrize(
    "folder", [folder for folder in packages_below(ROOT / "scripts") if (folder / "__init__.py").exists()]
)
def test_package_of_scripts_says_what_each_module_is_for(folder: Path) -> None:
    """Or by `server_*` what those are for that begin so."""
    described = (folder / "__init__.py").read_text(encoding="utf-8")
    families = tuple(re.findall(r"`(\w+_)\*`", described))
    named = set(re.findall(r"\w+", described))
    assert {name for name in modules_in(folder) if not name.startswith(families)} - named == set()


# Where the names in the answers of a README begin.
ANSWER_ROOTS = {
    "overlays/README.md": ("overlays/aurous", "generated/aurous_client"),
    "conformance/README.md": ("conformance/aurous_mock", "conformance"),
    "scripts/README.md": ("scripts",),
}


def answers_of(readme: str) -> list[str]:
    """What stands in code marks in the tables that say where something is decided."""
    answers: list[str] = []
    is_answer = False
    for line in (ROOT / readme).read_text(encoding="utf-8").splitlines():
        cells = line.strip("| ").split(" | ")
        is_answer = cells[-1] == "decided in" or (is_answer and line.startswith("|"))
        answers += re.findall(r"`([^`]+)`", cells[-1]) if is_answer else []
    return answers


def exists(answer: str, root: Path) -> bool:
    """Whether it is a file or a folder, or a module, and what follows is defined in this, each name by itself."""
    if "/" in answer:
        return (root / answer).exists()
    parts = answer.split(".")
    length = next((n for n in range(len(parts), 0, -1) if root.joinpath(*parts[:n]).with_suffix(".py").exists()), 0)
    if not length:
        return root.joinpath(*parts).is_dir()
    text = root.joinpath(*parts[:length]).with_suffix(".py").read_text(encoding="utf-8")
    defined = r"^\s*(async def|def|class) {0}\b|^{0}\b.* = "
    return all(re.search(defined.format(name), text, re.MULTILINE) for name in parts[length:])


@pytest.mark.parametrize("readme", ANSWER_ROOTS)
def test_readme_answers_name_what_exists(readme: str) -> None:
    answers = [answer for answer in answers_of(readme) if "." in answer or "/" in answer]
    roots = [ROOT, *(ROOT / root for root in ANSWER_ROOTS[readme])]
    assert len(answers) > 10
    assert [answer for answer in answers if not any(exists(answer, root) for root in roots)] == []
