"""No module imports itself by way of others, not even for a type checker or within a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from environment import ROOT

# Not the generated code, whose package names its modules for type checkers.
SOURCE_ROOTS = ("overlays", "conformance", "scripts")
# Folders that are no packages: they are source roots of their own, or hold tests.
NO_PACKAGES = {"tests", "selftest"}


def modules() -> dict[str, Path]:
    """The files of the repository's modules by the names that they are imported by."""
    files: dict[str, Path] = {}
    for root in map(ROOT.joinpath, SOURCE_ROOTS):
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if not NO_PACKAGES & set(parts):
                files[".".join(parts).removesuffix(".__init__")] = path
    return files


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within a node; most of a module is in their expressions, which import nothing."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield child
            yield from statements(child)


def imported(name: str, path: Path, source: str) -> Iterator[str]:
    """The full names of the modules, and of the members of modules, that a module imports anywhere in its source."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def cycle(sources: dict[str, str], files: dict[str, Path]) -> list[str]:
    """The modules of a cycle, each of which imports the next; empty if there is none."""
    graph: dict[str, set[str]] = {}
    for name, source in sources.items():
        targets = (each if each in files else each.rpartition(".")[0] for each in imported(name, files[name], source))
        graph[name] = {target for target in targets if target in files and target != name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib names them from the imported to the importing one.
        found: list[str] = error.args[1]
        return found[::-1]
    return []


@pytest.mark.slow
def test_no_modules_import_each_other() -> None:
    files = modules()
    assert set(files) > {"aurous", "aurous.transport.sync", "aurous_mock", "harness", "rules", "testkit", "mutants"}
    assert set(files) > {"independent", "independent.messages", "generator", "regenerate"}
    found = cycle({name: path.read_text(encoding="utf-8") for name, path in files.items()}, files)
    assert not found, " imports ".join(str(files[name].relative_to(ROOT)) for name in found)


@pytest.mark.parametrize(
    "source",
    [
        "from . import second",
        "from .second import VALUE",
        "from package.second import VALUE",
        "import package.second",
        "if TYPE_CHECKING:\n    from .second import VALUE",
        "def function():\n    from .second import VALUE",
    ],
)
def test_cycle_is_found_wherever_the_import_is(source: str) -> None:
    files = {"package.first": Path("package/first.py"), "package.second": Path("package/second.py")}
    sources = {"package.first": source, "package.second": "from . import first"}
    assert set(cycle(sources, files)) == set(files)
    assert cycle(sources | {"package.second": "import json"}, files) == []
