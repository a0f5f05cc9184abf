"""A record as a Markdown table, and its place in the README."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from marked_section import MarkedSection

OURS: Final = ("aurous", "aurous-mock")
SECTION: Final = MarkedSection("scripts/bench.py --record")


def table(record: dict[str, Any]) -> str:
    """Medians, spread and ratios of the groups that compare with other clients."""
    head = "| CPU time | aurous | others, with the ratio |\n|---|---|---|\n"
    return head + "".join(_rows(record["groups"]))


def _rows(groups: dict[str, Any]) -> Iterator[str]:
    for group in groups.values():
        ours = next((name for name in OURS if name in group["cases"]), None)
        if ours is None:
            continue
        peers = []
        for name, case in group["cases"].items():
            ratio = group["ratios"].get(f"{name} / {ours}")
            if ratio is not None:
                target = group.get("targets", {}).get(f"{name} / {ours}", 0)
                missed = f" (target {target:g}x)" if ratio < target else ""
                peers.append(f"{name} {_figure(case)}: **{ratio:g}x**{missed}")
        unit = group["unit"].partition("/")[0].replace("us", "µs")
        yield f"| {group['title']} | {_figure(group['cases'][ours], unit)} | {', '.join(peers)} |\n"


def _figure(case: dict[str, Any], unit: str = "") -> str:
    return f"{case['median']:,g}{f' {unit}' if unit else ''} ±{case['spread']:.0%}"
