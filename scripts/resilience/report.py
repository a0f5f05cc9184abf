"""The report of a run: its figures and its checks, as text for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One claim about a run, and whether it passed.

    is_timing: whether it depends on how busy the machine is
    """

    claim: str
    passed: bool
    detail: str = ""
    is_timing: bool = False


class RunReport(msgspec.Struct, frozen=True):
    """The figures of one run and the checks made on them."""

    title: str
    figures: dict[str, Any]
    checks: list[Check]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_text(self) -> str:
        width = max(map(len, self.figures), default=0)
        lines = [self.title, ""]
        for name, value in self.figures.items():
            first, *more = format_figure(value)
            lines += [f"  {name:<{width}}  {first}", *(f"  {'':<{width}}  {line}" for line in more)]
        lines.append("")
        for check in self.checks:
            detail = f": {check.detail}" if check.detail else ""
            lines.append(f"  {'passed' if check.passed else 'FAILED'}  {check.claim}{detail}")
        return "\n".join(lines)


def format_figure(value: object) -> list[str]:
    """The lines of one figure."""
    if isinstance(value, dict):
        return [f"{count:>7,}  {name}" for name, count in value.items()] or ["none"]
    return [f"{value:,}" if isinstance(value, (int, float)) else str(value)]


def print_reports(reports: Iterable[RunReport], path: Path | None) -> int:
    """Print each report as its run ends and, given a path, write all as JSON. The exit code: 1 if a check failed."""
    printed: list[RunReport] = []
    for report in reports:
        printed.append(report)
        print(f"\n{report.as_text()}\n", flush=True)
    if path:
        path.write_bytes(as_json(printed))
    return 0 if all(report.passed for report in printed) else 1


def as_json(reports: Iterable[RunReport]) -> bytes:
    """All reports as one JSON document."""
    documents = [{**msgspec.to_builtins(report), "passed": report.passed} for report in reports]
    return msgspec.json.format(msgspec.json.encode(documents), indent=2) + b"\n"


def summarize(items: Iterable[object], limit: int = 5) -> str:
    """The first few items of a failed check, on one line."""
    texts = [str(item) for item in items]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
