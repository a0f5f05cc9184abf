"""Writes the committed record, its plot and its README table after each group: an interrupted run loses none."""

from __future__ import annotations

from pathlib import Path

from . import markdown, plot, records
from .groups import Group
from .measurement import Results


class Recorder:
    """Adds the groups of a run to the committed record."""

    def __init__(self) -> None:
        self._record = records.read_if_any()
        self.count = 0
        """How many groups were added."""

    def add(self, group: Group, results: Results) -> None:
        """Add a group that is complete, unless one of its cases failed."""
        if any(name == group.name for name, _ in results.failed):
            return
        self._record = record = records.merge(self._record, records.record((group,), results))
        self.count += 1
        _replace(records.RATIOS, records.as_json(record))
        _replace(records.PICTURE, plot.draw(record))
        readme = records.README.read_text(encoding="utf-8")
        _replace(records.README, markdown.SECTION.replace(readme, markdown.table(record)))


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
