"""The figures of all attacks as a Markdown table, and its place in SECURITY.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from marked_section import MarkedSection
from resilience.report import RunReport, format_figure

from attacks.registry import Attack

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "SECURITY.md"
SECTION: Final = MarkedSection("scripts/attack.py --record")
_HEAD: Final = "| attack | on | figures | checks |\n|---|---|---|---|\n"
_ROW: Final = re.compile(r"^\| `([\w-]+)`: .*$", re.MULTILINE)


def write(attacks: Sequence[Attack], reports: Sequence[RunReport], names: Sequence[str]) -> None:
    """Write the rows of these attacks into the document, which keeps those of others. names: of all, in their order

    Raises ValueError if the document has no place for them.
    """
    recorded = SECTION.content(DOCUMENT.read_text(encoding="utf-8"))
    known = {match[1]: f"{match[0]}\n" for match in _ROW.finditer(recorded)}
    rows = known | dict(zip((attack.name for attack in attacks), _rows(attacks, reports), strict=True))
    SECTION.write(DOCUMENT, _HEAD + "".join(rows[name] for name in names if name in rows))


def _rows(attacks: Sequence[Attack], reports: Sequence[RunReport]) -> Iterator[str]:
    """A row for each attack: what it does, its figures, and how many of its checks passed."""
    for attack, report in zip(attacks, reports, strict=True):
        figures = "<br>".join(
            f"{name}: {', '.join(map(str.strip, format_figure(value)))}" for name, value in report.figures.items()
        )
        passed = sum(check.passed for check in report.checks)
        summary = f"`{attack.name}`: {attack.summary}"
        yield f"| {_cell(summary)} | {attack.target} | {_cell(figures)} | {passed} of {len(report.checks)} pass |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
