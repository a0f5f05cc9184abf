"""Records of benchmark runs: their JSON form, the machine without its name, and the committed record."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

from .groups import Group
from .measurement import Results
from .thresholds import evaluate

HOME = Path(__file__).resolve().parent
RATIOS = HOME / "RATIOS.json"
PICTURE = HOME / "speed.svg"
README = HOME.parents[1] / "README.md"

_PACKAGES = ("aurous-labs", "openai", "httpx", "httpx-sse", "httpcore", "aiohttp", "msgspec", "attrs")


class RecordError(Exception):
    """The committed record is missing or invalid; the message says what to do."""


def record(groups: tuple[Group, ...], results: Results, *, rounds: int, load: float | None) -> dict[str, Any]:
    """A run as a document: the machine and its load, and for each group its figures and ratios."""
    return {
        "machine": machine(),
        "load": None if load is None else round(load, 1),
        "rounds": rounds,
        "groups": {group.name: _group(group, results) for group in groups},
    }


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
        found: dict[str, Any] = json.loads(RATIOS.read_text(encoding="utf-8"))
        ratios(found)
    except FileNotFoundError:
        raise RecordError(f"there is no {RATIOS.name} to compare with; make one with --record") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise RecordError(f"{RATIOS.name} is not a record; make a new one with --record") from None
    return found


def as_json(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _group(group: Group, results: Results) -> dict[str, Any]:
    series = results.series[group.name]
    return {
        "title": group.title,
        "unit": group.unit,
        "cases": {
            name: {
                "median": _rounded(each.median),
                "spread": round(each.spread, 3),
                "server_share": None if each.server_share is None else round(each.server_share, 2),
            }
            for name, each in series.items()
        },
        "ratios": {outcome.claim.title: _rounded(outcome.ratio) for outcome in evaluate(group, series)},
        "targets": {claim.title: _rounded(claim.least) for claim in group.claims if claim.least is not None},
    }


def _rounded(figure: float) -> float:
    """To three significant digits; the rest is noise."""
    return float(f"{figure:.3g}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
