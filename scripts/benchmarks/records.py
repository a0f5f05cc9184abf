"""Records of benchmark runs: their JSON form, the machine without its name, and the committed record.

A record has the groups of one machine with the same packages. Each says when, of which source, it was measured.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import cores
from .groups import GROUPS, Group
from .measurement import Results
from .thresholds import evaluate

FOLDER = Path(__file__).resolve().parent
RATIOS = FOLDER / "RATIOS.json"
PICTURE = FOLDER / "speed.svg"
REPOSITORY = FOLDER.parents[1]
README = REPOSITORY / "README.md"

# What the figures are of.
_SOURCES = ("overlays/aurous", "generated", "conformance/aurous_mock", "scripts/benchmarks")
_PACKAGES = ("aurous-labs", "openai", "httpx", "httpx-sse", "httpcore", "aiohttp", "msgspec", "attrs")


class RecordError(Exception):
    """The committed record is missing or invalid; the message says what to do."""


def record(groups: tuple[Group, ...], results: Results) -> dict[str, Any]:
    """A run as a document: the machine, and for each group its figures and ratios."""
    return {"machine": machine(), "groups": {group.name: _group(group, results) for group in groups}}


def merge(committed: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """The committed record with the groups of a new one; those of another machine, or that are gone, are dropped."""
    kept = committed["groups"] if committed is not None and committed["machine"] == new["machine"] else {}
    merged = {**kept, **new["groups"]}
    return {**new, "groups": {group.name: merged[group.name] for group in GROUPS if group.name in merged}}


def outdated(committed: dict[str, Any] | None) -> tuple[Group, ...]:
    """The groups that the committed record lacks, or has of another machine, another source, or with other targets."""
    if committed is None or committed["machine"] != machine():
        return GROUPS
    source = source_digest()
    return tuple(group for group in GROUPS if not _is_current(committed["groups"].get(group.name), group, source))


def _is_current(recorded: dict[str, Any] | None, group: Group, source: str) -> bool:
    return (
        recorded is not None
        and recorded.get("measured", {}).get("source") == source
        and (recorded["title"], recorded["targets"]) == (group.title, _targets(group))
    )


def source_digest() -> str:
    """A digest of the files whose change may change the figures."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in _SOURCES for path in (REPOSITORY / folder).rglob("*.py")):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def ratios(record: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The ratios of a record, by group and claim."""
    return {name: group["ratios"] for name, group in record["groups"].items()}


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def read() -> dict[str, Any]:
    """The committed record. Raises RecordError."""
    try:
        record: dict[str, Any] = json.loads(RATIOS.read_text(encoding="utf-8"))
        ratios(record)
    except FileNotFoundError:
        raise RecordError(f"there is no {RATIOS.name} to compare with; make one with --record") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise RecordError(f"{RATIOS.name} is not a record; make a new one with --record") from None
    return record


def read_if_any() -> dict[str, Any] | None:
    """The committed record; None if there is none that can be read."""
    try:
        record = read()
    except RecordError:
        return None
    return record if "machine" in record else None


def as_json(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _group(group: Group, results: Results) -> dict[str, Any]:
    series = results.series[group.name]
    return {
        "title": group.title,
        "unit": group.unit,
        "measured": _provenance(results.rounds.get(group.name, 0)),
        "cases": {
            name: {
                "median": _rounded(each.median),
                "spread": round(each.spread, 3),
                "server_share": None if each.server_share is None else round(each.server_share, 2),
            }
            for name, each in series.items()
        },
        "ratios": {outcome.claim.title: _rounded(outcome.ratio) for outcome in evaluate(group, series)},
        "targets": _targets(group),
    }


def _targets(group: Group) -> dict[str, float]:
    return {claim.title: _rounded(claim.least) for claim in group.claims if claim.least is not None}


def _provenance(rounds: int) -> dict[str, Any]:
    load = cores.load()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "source": source_digest(),
        "load": None if load is None else round(load, 1),
        "rounds": rounds,
    }


def _commit() -> str | None:
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _rounded(figure: float) -> float:
    """To three significant digits; the rest is noise."""
    return float(f"{figure:.3g}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
