"""The tests on each Python, with the newest and with the oldest dependencies; checks; the wheel; known vulnerabilities.

    .venv/bin/nox                                     all of it, on every Python that is installed
    .venv/bin/nox -s tests-3.13 -- overlays/tests     one session, with options of pytest

No environment has a lock file: `tests` takes the newest versions that pyproject.toml allows, `oldest` the lowest that
it names.
"""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]
# What the session `cluster` installs: several hundred megabytes, and not for every Python.
CLUSTER_EXTRAS = ["ray"]
# What users install beside the package, all but the large ones; `dev` is for those who work on it.
EXTRAS = sorted(
    nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"].keys() - {"dev", *CLUSTER_EXTRAS}
)
# Any moment after 1980, the first year that zip files can hold.
EPOCH = "1700000000"

nox.options.default_venv_backend = "uv"
nox.options.sessions = ["tests", "oldest", "lint", "wheel", "audit"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, with the newest dependencies."""
    session.install("--upgrade", "--editable", ".[dev]")
    _test(session)


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """All tests, with the lowest versions of what pyproject.toml names."""
    # Not in `create_tmp`, which would also have the temporary files of the tests inside the repository.
    versions = Path(session.cache_dir) / "oldest.txt"
    session.run_install(*_compile(session, versions, "dev"), "--resolution", "lowest-direct")
    session.install("--requirement", str(versions))
    session.install("--no-deps", "--editable", ".")
    _test(session)


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """Drift, spec, style and types, as scripts/check.py has them."""
    session.install("--editable", ".[dev]")
    session.run("python", "scripts/check.py")


@nox.session(python=PYTHONS[0])
def wheel(session: nox.Session) -> None:
    """Two builds in two folders are the same to the byte, and the wheel works with its own dependencies alone."""
    session.install("build[uv]")
    folder = Path(session.create_tmp())
    for epoch in (EPOCH, None):
        first, second = (_build_wheel(session, folder / place, epoch) for place in ("here", "elsewhere/deeper"))
        if first.read_bytes() != second.read_bytes():
            session.error(f"two builds differ, with SOURCE_DATE_EPOCH={epoch}: {first} {second}")
        session.log(f"{first.name}, SOURCE_DATE_EPOCH={epoch}: sha256 {sha256(first.read_bytes()).hexdigest()}")
    session.install(str(first))
    session.run("python", "-c", "import aurous; aurous.Aurous('key').close()")
    session.install(f"{first}[{','.join(EXTRAS)}]")
    session.run("aurous-mock", "--help", silent=True)
    session.run("aurous", "--version")


@nox.session(python=PYTHONS[0])
def cluster(session: nox.Session) -> None:
    """`aurous.integrations` with Dask, and with Ray, which loses one of two nodes; when named, since both are large."""
    session.install("--editable", f".[{','.join(['dev', *CLUSTER_EXTRAS])}]", "dask[dataframe]>=2026.1")
    session.run("pytest", "-q", "overlays/tests/integrations/dask_checks.py")
    session.run("python", "scripts/chaos.py", "cluster", *session.posargs)


@nox.session(python=PYTHONS[0])
def audit(session: nox.Session) -> None:
    """Known vulnerabilities in the newest dependencies of what users install; skipped, and said so, without data."""
    session.install("pip-audit")
    folder = Path(session.create_tmp())
    versions, report = folder / "versions.txt", folder / "report.json"
    report.unlink(missing_ok=True)
    session.run(*_compile(session, versions, *EXTRAS, *CLUSTER_EXTRAS), external=True)
    command = ["pip-audit", "--disable-pip", "--no-deps", "--progress-spinner", "off", "--requirement", str(versions)]
    output = session.run(*command, "--format=json", f"--output={report}", silent=True, success_codes=[0, 1])
    if not report.exists():
        session.skip(f"nothing was checked, pip-audit cannot reach its data: {str(output).strip().splitlines()[-1]}")
    checked = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    skipped = [each["name"] for each in checked if "skip_reason" in each]
    if len(skipped) == len(checked):
        session.skip("nothing was checked: pip-audit has no data on any of the dependencies on this machine")
    vulnerable = [f"{each['name']} {each['version']}: {each['vulns']}" for each in checked if each.get("vulns")]
    if skipped or vulnerable:
        session.error("; ".join([*vulnerable, *(f"{name}: not checked" for name in skipped)]))


def _test(session: nox.Session) -> None:
    session.run("pytest", "-q", *(session.posargs or ["-n", "auto"]))


def _compile(session: nox.Session, file: Path, *extras: str) -> list[str]:
    """Return the command that writes exact versions into a file, which is made anew each time and never committed."""
    selected = [f"--extra={extra}" for extra in extras]
    target = ["--python-version", str(session.python), "--output-file", str(file)]
    return ["uv", "pip", "compile", "pyproject.toml", "--quiet", *target, *selected]


def _build_wheel(session: nox.Session, folder: Path, epoch: str | None) -> Path:
    """Build a wheel of the files that git tracks or would add, in a folder and a time zone of its own; return it."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = session.run("git", "ls-files", "-z", "-co", "--exclude-standard", external=True, silent=True) or ""
    for name in filter(os.path.isfile, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, target)
    environment = {"TZ": "Asia/Tokyo" if "deeper" in folder.parts else "UTC", "SOURCE_DATE_EPOCH": epoch}
    with session.chdir(folder):
        session.run("python", "-m", "build", "--quiet", "--wheel", "--installer", "uv", env=environment)
    return next((folder / "dist").glob("*.whl"))
