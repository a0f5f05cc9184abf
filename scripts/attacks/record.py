"""The figures of all attacks as a Markdown table, and its place in SECURITY.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from marked_section import MarkedSection
from resilience.report import RunReport, format_figure

from attacks.registry import Attack

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "SECURITY.md"
SECTION: Final = MarkedSection("scripts/attack.py --record")


def table(attacks: Sequence[Attack], reports: Sequence[RunReport]) -> str:
    """A row for each attack: what it does, its figures, and how many of its checks passed."""
    return "| attack | on | figures | checks |\n|---|---|---|---|\n" + "".join(_rows(attacks, reports))


def _rows(attacks: Sequence[Attack], reports: Sequence[RunReport]) -> Iterator[str]:
    for attack, report in zip(attacks, reports, strict=True):
        figures = "<br>".join(
            f"{name}: {', '.join(map(str.strip, format_figure(value)))}" for name, value in report.figures.items()
        )
        passed = sum(check.passed for check in report.checks)
        summary = f"`{attack.name}`: {attack.summary}"
        yield f"| {_cell(summary)} | {attack.target} | {_cell(figures)} | {passed} of {len(report.checks)} pass |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
