"""Installs a client or an engine in an environment of its own, outside of the repository."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compatibility.clients import Client

DRIVERS = Path(__file__).parent / "drivers"
_INSTALL_SECONDS = 1800


class InstallError(Exception):
    """A client cannot be installed here. The message is one line that says why."""


@contextmanager
def installed(client: Client) -> Iterator[tuple[list[str], str]]:
    """The command that runs the client's driver, and the client's version."""
    with tempfile.TemporaryDirectory(prefix="aurous-compat-", ignore_cleanup_errors=True) as folder:
        yield _install_javascript(client, Path(folder)) if client.is_javascript else _install(client, Path(folder))


@contextmanager
def prepared(package: str, requirements: Sequence[str], environments: Path | None) -> Iterator[tuple[Path, str]]:
    """The folder of an engine's programs, and the version of its package.

    environments: a folder that keeps environments, and may have this one already; without it, one that is removed
    """
    with tempfile.TemporaryDirectory(prefix="aurous-compat-", ignore_cleanup_errors=True) as temporary:
        home = Path(temporary) if environments is None else environments / package
        python = home / "bin" / "python"
        if not python.exists():
            _run([sys.executable, "-m", "venv", str(home)])
        # By pip, which takes the builds that a machine's administrator offers; engines are large.
        _run([str(python), "-m", "pip", "install", "--quiet", *requirements])
        yield home / "bin", _version(python, package)


def _version(python: Path, package: str) -> str:
    return _run([str(python), "-c", f"import importlib.metadata as m; print(m.version({package!r}))"])


def _install(client: Client, folder: Path) -> tuple[list[str], str]:
    python = folder / "bin" / "python"
    _run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(folder)])
    _run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *client.installed])
    return [str(python), str(DRIVERS / client.driver)], _version(python, client.package)


def _install_javascript(client: Client, folder: Path) -> tuple[list[str], str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise InstallError("there is no Node on this machine")
    _run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *client.installed])
    # Packages are looked for beside the file that imports them.
    driver = shutil.copy(DRIVERS / client.driver, folder)
    package = json.loads((folder / "node_modules" / client.package / "package.json").read_text("utf-8"))
    return [node, str(driver)], str(package["version"])


def _run(command: list[str]) -> str:
    try:
        completed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"not installed within {_INSTALL_SECONDS} s") from error
    if completed.returncode != 0:
        lines = (completed.stderr or completed.stdout).strip().splitlines() or [f"exit code {completed.returncode}"]
        raise InstallError(lines[-1])
    return completed.stdout.strip()
