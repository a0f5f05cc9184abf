"""The project's environment, .venv: created on first use, updated with pyproject.toml, entered by each script.

Needs nothing but Python and pip. A script calls `enter()` first, which does nothing if the running Python has all
tools and this checkout's own packages: from an editable installation, or from PYTHONPATH, by which a copy of the
project shares the environment of the original. Each ends by `exit_with(main)`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Written last, so that an interrupted installation is repeated.
STAMP = VENV / "installed"
PACKAGES = ("aurous", "aurous_client", "aurous_mock")
TOOLS = ("mypy", "openapi_python_client", "pytest", "schemathesis")
# Exit codes, those of programs that SIGINT or SIGPIPE ended.
INTERRUPTED, OUTPUT_CLOSED = 130, 141


def enter() -> None:
    """Continue in an environment with all development dependencies; create it if necessary."""
    # A script and its tests start hundreds of interpreters, which are to compile each module once.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}. Try: python3.12 {sys.argv[0]}")
    is_inside = Path(sys.prefix).resolve() == VENV.resolve()
    is_stale = STAMP.exists() and STAMP.read_text(encoding="utf-8") != _fingerprint()
    # An environment with `.[dev]` installed by hand has the dependencies and no stamp.
    if is_complete() and not (is_inside and is_stale):
        return
    if is_inside or is_stale or not STAMP.exists():
        _install()
    arguments = [str(PYTHON), *sys.argv]
    if os.name == "nt":
        sys.exit(subprocess.run(arguments, check=False).returncode)
    os.execv(PYTHON, arguments)


def exit_with(main: Callable[[], int]) -> NoReturn:
    """End with the exit code of `main`; without a traceback on Ctrl-C, or if nobody reads the output, as `| head`."""
    try:
        try:
            code = main()
        finally:
            # Not at the interpreter's exit, where a closed pipe prints a traceback.
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = OUTPUT_CLOSED
    sys.exit(code)


def is_complete() -> bool:
    """Whether this Python has every tool, and the packages of this checkout rather than of another."""
    return all(importlib.util.find_spec(name) for name in TOOLS) and all(map(_is_own, PACKAGES))


def _is_own(package: str) -> bool:
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve().is_relative_to(ROOT)


def _install() -> None:
    print(f"Installing into {VENV.name}/ (once; about a minute) ...", flush=True)
    STAMP.unlink(missing_ok=True)
    try:
        if not PYTHON.exists():
            # Without pip, which Debian's Python cannot install there; the pip of this Python installs for the other.
            venv.create(VENV, with_pip=False)
    except OSError as error:
        sys.exit(f"{VENV.name}/ cannot be created: {error.strerror}")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(PYTHON),
        "install",
        "--quiet",
        "pip",
        "--editable",
        ".[dev]",
    ]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        sys.exit("The installation failed, see above. Fix the cause, and run the same command again.")
    STAMP.write_text(_fingerprint(), encoding="utf-8")


def _fingerprint() -> str:
    """A fingerprint of the dependencies; a different one means to install again."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
