"""A change, and the sorted list of them that a comparison returns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from generator.yaml_loader import Pointer

from .kinds import Effect
from .sources import Source, write
from .usage import Side

_ORDER = list(Effect)


@dataclass(frozen=True)
class Change:
    """One change, on one side."""

    kind: str
    effect: Effect
    side: Side
    subject: str
    text: str
    operations: tuple[str, ...] = ()
    old: Pointer | None = None
    new: Pointer | None = None


@dataclass(frozen=True)
class Report:
    """Everything that changed between two sources."""

    old: Source
    new: Source
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, old: Source, new: Source, changes: list[Change]) -> Report:
        unique = dict.fromkeys(changes)
        key = lambda change: (_ORDER.index(change.effect), change.subject, change.kind)  # noqa: E731
        return cls(old, new, tuple(sorted(unique, key=key)))

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(change.effect.value for change in self.changes)
        return {effect.value: counted[effect.value] for effect in Effect}

    @property
    def bump(self) -> str:
        """The part of a semantic version that the changes ask for: major, minor, patch or none."""
        for effect, part in ((Effect.BREAKING, "major"), (Effect.COMPATIBLE, "minor")):
            if any(change.effect is effect for change in self.changes):
                return part
        return "patch" if self.changes else "none"

    def places(self, change: Change) -> list[str]:
        """File and line of a change, in the newer spec where it is there, else in the older one."""
        if change.new is not None:
            return [self.new.place(change.new)]
        return [self.old.place(change.old)] if change.old is not None else []

    def to_json(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "old": {"name": self.old.name, "version": self.old.version},
            "new": {"name": self.new.name, "version": self.new.version},
            "bump": self.bump,
            "counts": self.counts,
            "changes": [
                {
                    "kind": change.kind,
                    "effect": change.effect.value,
                    "side": change.side.value,
                    "subject": change.subject,
                    "text": change.text,
                    "operations": list(change.operations),
                    "old": _position(self.old, change.old),
                    "new": _position(self.new, change.new),
                }
                for change in self.changes
            ],
        }


def _position(source: Source, pointer: Pointer | None) -> dict[str, Any] | None:
    if pointer is None:
        return None
    return {"file": source.name, "line": source.line(pointer), "pointer": f"#{write(pointer)}"}
