"""Runs the checks on one engine behind a gateway of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from testkit.mock_process import NotStartedError

from compatibility.engine_process import EngineError, EngineProcess
from compatibility.engines import Engine
from compatibility.environments import InstallError, prepared
from compatibility.gateway_checks import CHECKS
from compatibility.gateway_subject import NotApplicable, Subject, behind_gateway
from compatibility.runner import FAILED, NOT_APPLICABLE, PASSED, Result, today


def run(engine: Engine, environments: Path | None = None) -> Result:
    """Install an engine, check it, and remove it again, unless there is a folder to keep its environment in."""
    try:
        with (
            prepared(engine.package, engine.requirements, environments) as (programs, version),
            tempfile.TemporaryDirectory(prefix="aurous-engine-", ignore_cleanup_errors=True) as folder,
        ):
            return check(engine, version, programs, Path(folder))
    except InstallError as error:
        return Result.failed(f"not installed: {error}", checks=CHECKS)


def check(
    engine: Engine, version: str, programs: Path, folder: Path, checks: Collection[str] = CHECKS.keys()
) -> Result:
    try:
        with EngineProcess(engine.launch(programs, folder), folder) as process, behind_gateway(process) as subject:
            return Result(version, today(), {name: _run(name, subject) for name in checks})
    except (EngineError, NotStartedError) as error:
        return Result.failed(str(error), version, checks)


def _run(name: str, subject: Subject) -> dict[str, str]:
    try:
        return {"result": PASSED, "reason": CHECKS[name](subject)}
    except NotApplicable as reason:
        return {"result": NOT_APPLICABLE, "reason": str(reason)}
    except Exception as error:
        return {"result": FAILED, "reason": f"{type(error).__name__}: {error}"}
