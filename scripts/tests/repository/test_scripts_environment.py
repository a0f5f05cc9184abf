"""A script recognizes the environment of its own checkout, not of another one, and ends without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import environment
import pytest

SCRIPTS = environment.ROOT / "scripts"
# Not a temporary folder, which nox has within the checkout.
ELSEWHERE = Path("/another/checkout")


@pytest.fixture
def origins(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path | None]:
    """Where each package of the project would be imported from; by default from this checkout."""
    places: dict[str, Path | None] = {name: environment.ROOT / name / "__init__.py" for name in environment.PACKAGES}

    def find_spec(name: str) -> ModuleSpec | None:
        place = places.get(name, Path("/tools", name))
        return None if place is None else ModuleSpec(name, None, origin=str(place))

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    return places


def test_environment_with_this_checkout_is_complete(origins: dict[str, Path | None]) -> None:
    assert environment.is_complete()


def test_environment_of_another_checkout_is_incomplete(origins: dict[str, Path | None]) -> None:
    origins["aurous_mock"] = ELSEWHERE / "conformance/aurous_mock/__init__.py"
    assert not environment.is_complete()


@pytest.mark.parametrize("name", [environment.PACKAGES[0], environment.TOOLS[0]])
def test_environment_without_a_package_or_tool_is_incomplete(origins: dict[str, Path | None], name: str) -> None:
    origins[name] = None
    assert not environment.is_complete()


def test_another_checkout_installs_its_own_environment(
    origins: dict[str, Path | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    origins["aurous"] = ELSEWHERE / "aurous/__init__.py"
    monkeypatch.setattr(environment, "STAMP", tmp_path / "installed")
    monkeypatch.setattr(environment, "_install", lambda: steps.append("installed"))
    monkeypatch.setattr("os.execv", lambda python, arguments: steps.append(str(python)))
    environment.enter()
    assert steps == ["installed", str(environment.PYTHON)]


def test_every_script_ends_by_exit_with() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.py")}
    commands = {name for name, text in scripts.items() if '__name__ == "__main__"' in text}
    assert {"test.py", "check.py", "regenerate.py"} <= commands
    assert {name for name in commands if not scripts[name].endswith("\n    exit_with(main)\n")} == set()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("return 3", 3),
        ("raise SystemExit(2)", 2),
        ("raise KeyboardInterrupt", environment.INTERRUPTED),
        ("print('one line')\n    return 0", environment.OUTPUT_CLOSED),
        ("print('many lines\\n' * 10_000)\n    return 0", environment.OUTPUT_CLOSED),
    ],
)
def test_script_ends_without_a_traceback(body: str, status: int) -> None:
    program = f"import environment\ndef main():\n    {body}\nenvironment.exit_with(main)"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n{program}"]
    read, written = os.pipe()
    os.close(read)
    try:
        completed = subprocess.run(command, stdout=written, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(written)
    assert (completed.returncode, completed.stderr) == (status, "")
