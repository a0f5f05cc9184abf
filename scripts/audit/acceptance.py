"""The file of accepted differences, each with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from generator import yaml_loader
from generator.yaml_loader import SpecError

from .facts import Difference, Kind

_NAMES = {"operation", "pointer", "about", "kind", "reason", "says"}


class AcceptanceError(Exception):
    """The file of accepted differences is invalid; the message is one line."""


@dataclass
class Entry:
    """An accepted difference. All but the reason are fnmatch patterns; what is left out matches everything."""

    reason: str
    operation: str = "*"
    pointer: str = "*"
    about: str = "*"
    kind: str = "*"
    says: str = "*"
    uses: int = field(default=0, compare=False)

    def matches(self, difference: Difference) -> bool:
        pairs = (
            (difference.operation, self.operation),
            (difference.pointer, self.pointer),
            (difference.about, self.about),
            (difference.kind.value, self.kind),
            (difference.text, self.says),
        )
        return all(fnmatchcase(_plain(value), _plain(pattern)) for value, pattern in pairs)


def _plain(text: str) -> str:
    # `[]` is part of names here, and not a set of characters.
    return text.replace("[", "(").replace("]", ")")


def load(path: Path) -> list[Entry]:
    """The entries of a file. Raises AcceptanceError or OSError."""
    try:
        rows = yaml_loader.load(path)
    except SpecError as error:
        raise AcceptanceError(error.faults[0]) from error
    entries = []
    for number, row in enumerate(rows or [], 1):
        if not isinstance(row, dict) or set(row) - _NAMES:
            raise AcceptanceError(f"{path.name}: entry {number} may have {', '.join(sorted(_NAMES))}, and nothing else")
        if not str(row.get("reason") or "").strip():
            raise AcceptanceError(f"{path.name}: entry {number} has no reason")
        if row.get("kind", "*") != "*" and row["kind"] not in list(Kind):
            raise AcceptanceError(f"{path.name}: entry {number}: kind is one of {', '.join(Kind)}")
        entries.append(_entry({name: str(value) for name, value in row.items()}))
    return entries


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        reason=row["reason"],
        operation=row.get("operation", "*"),
        pointer=row.get("pointer", "*"),
        about=row.get("about", "*"),
        kind=row.get("kind", "*"),
        says=row.get("says", "*"),
    )


def mark(differences: Iterable[Difference], entries: list[Entry]) -> list[Difference]:
    """The same differences, the accepted ones with their reason."""
    marked = []
    for difference in differences:
        entry = next((entry for entry in entries if entry.matches(difference)), None)
        if entry is not None:
            entry.uses += 1
            difference = replace(difference, reason=entry.reason)
        marked.append(difference)
    return marked
