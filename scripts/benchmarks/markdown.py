"""A record as a Markdown table, and its place between two marks of the README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

OURS: Final = ("aurous", "aurous-mock")
BEGIN: Final = "<!-- written by scripts/bench.py --record -->\n"
END: Final = "<!-- to here -->\n"
_PLACE: Final = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", re.DOTALL)


def table(record: dict[str, Any]) -> str:
    """Medians, spread and ratios of the groups that compare with other clients."""
    head = "| CPU time | aurous | others, with the ratio |\n|---|---|---|\n"
    return head + "".join(_rows(record["groups"]))


def insert_table(readme: str, record: dict[str, Any]) -> str:
    """The README with this table in place of the last. Raises ValueError like `check`."""
    check(readme)
    return _PLACE.sub(lambda _: table(record), readme)


def check(readme: str) -> None:
    """Raises ValueError unless there is exactly one place for the table."""
    if len(_PLACE.findall(readme)) != 1:
        raise ValueError(f"the README has no table between {BEGIN.strip()} and {END.strip()}")


def _rows(groups: dict[str, Any]) -> Iterator[str]:
    for group in groups.values():
        ours = next((name for name in OURS if name in group["cases"]), None)
        if ours is None:
            continue
        peers = []
        for name, case in group["cases"].items():
            ratio = group["ratios"].get(f"{name} / {ours}")
            if ratio is not None:
                peers.append(f"{name} {_figure(case)}: **{ratio:g}x**")
        unit = group["unit"].partition("/")[0].replace("us", "µs")
        yield f"| {group['title']} | {_figure(group['cases'][ours], unit)} | {', '.join(peers)} |\n"


def _figure(case: dict[str, Any], unit: str = "") -> str:
    return f"{case['median']:,g}{f' {unit}' if unit else ''} ±{case['spread']:.0%}"
