"""The parts that scripts/test.py runs side by side: together they are all tests, and none is in two of them."""

from __future__ import annotations

import importlib.util
import tomllib
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def command() -> ModuleType:
    # By its path: Python has a package `test` of its own.
    spec = importlib.util.spec_from_file_location("test_command", ROOT / "scripts" / "test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(part: list[str]) -> set[Path]:
    """The test modules that a pytest with these arguments collects."""
    ignored = [ROOT / each.removeprefix("--ignore=") for each in part if each.startswith("--ignore=")]
    assert all(folder.is_dir() for folder in ignored), ignored
    modules = (path for each in part for path in (ROOT / each).rglob("test_*.py"))
    return {path for path in modules if not any(path.is_relative_to(folder) for folder in ignored)}


def test_each_module_is_in_one_part(command: ModuleType) -> None:
    count = Counter(path for part in command.parts() for path in files(part))
    assert set(count) == {path for folder in command.FOLDERS for path in (ROOT / folder).rglob("test_*.py")}
    assert {path for path, parts in count.items() if parts > 1} == set()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["overlays/tests/cli"], True),
        (["-q", "overlays"], True),
        (["scripts/tests/repository/test_parts_of_the_tests.py::test_each_module_is_in_one_part"], True),
        (["-k", "conformance"], False),
        (["-m", "slow", "-x"], False),
        (["--durations=5"], False),
    ],
)
def test_only_what_is_no_value_of_an_option_names_places(
    command: ModuleType, options: list[str], expected: bool
) -> None:
    assert command.names_places(options) is expected


def test_folders_are_those_of_the_project(command: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = project["tool"]["pytest"]["ini_options"]["testpaths"]
    assert {*command.FOLDERS, command.SUITE.partition("/")[0]} == set(folders)


def test_modules_of_one_pytest_have_different_names(command: ModuleType) -> None:
    """The folders are no packages: of two modules with one name, the pytest of the slow tests could load only one."""
    paths = (path for folder in command.FOLDERS for path in (ROOT / folder).rglob("test_*.py"))
    count = Counter(path.name for path in paths if not (path.parent / "__init__.py").exists())
    assert {name for name, times in count.items() if times > 1} == set()
