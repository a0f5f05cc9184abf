"""Fixtures of the generator's tests: a run of the script, a small spec, and the package generated from it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import regenerate
import small_specs

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the script's main with some arguments: its exit code and what it wrote."""

    def run_main(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [str(argument) for argument in arguments]
        try:
            code = regenerate.main(words)
        except SystemExit as error:
            code = int(str(error.code))
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    return run_main


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file with a small spec in which nothing is wrong."""
    return small_specs.write(tmp_path / "small.yaml", small_specs.document())


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the small spec. For reading; copy it to change it."""
    folder = tmp_path_factory.mktemp("package")
    target = folder / "aurous_client"
    assert regenerate.generate(small_specs.write(folder / "small.yaml", small_specs.document()), target)
    return target
