"""Renders a report as text, JSON or Markdown."""

from __future__ import annotations

import json

from .changes import Change, Report
from .kinds import Effect

_HEADINGS = {
    Effect.BREAKING: "Breaking",
    Effect.COMPATIBLE: "Compatible",
    Effect.DOCUMENTATION: "Documentation only",
}
_BUMPS = {
    "major": "a major release",
    "minor": "a minor release",
    "patch": "a patch release",
    "none": "no release",
}
_FEW = 3


def as_text(report: Report) -> str:
    """For a terminal: each change with its kind, its side and its line."""
    lines = [f"{report.old.name} ({report.old.version}) -> {report.new.name} ({report.new.version})"]
    for effect, heading in _HEADINGS.items():
        listed = [change for change in report.changes if change.effect is effect]
        if listed:
            lines += ["", f"{heading} ({len(listed)})"]
        for change in listed:
            lines.append(f"  {change.subject}: {change.text}")
            lines.append(f"    {'  '.join([change.kind, change.side.value, *report.places(change)])}{_used_by(change)}")
    lines += ["", f"{summary(report)}. This asks for {_BUMPS[report.bump]}."]
    return "\n".join(lines)


def as_json(report: Report) -> str:
    return json.dumps(report.to_json(), indent=2)


def as_markdown(report: Report) -> str:
    """A section for the changelog or for a review, its headings below the second level."""
    lines = [f"### Aurous-Version {report.old.version} -> {report.new.version}"]
    if report.old.version == report.new.version:
        lines = [f"### Changes within Aurous-Version {report.new.version}"]
    if not report.changes:
        return "\n".join([*lines, "", "Nothing changed."])
    for effect, heading in _HEADINGS.items():
        listed = [change for change in report.changes if change.effect is effect]
        if listed:
            lines += ["", f"#### {heading}", ""]
        for change in listed:
            side = "" if change.side.value == "call" else f" ({change.side.value})"
            lines.append(f"- `{change.subject}`{side}: {change.text}. [`{change.kind}`]")
    return "\n".join([*lines, "", f"{summary(report)}."])


def summary(report: Report) -> str:
    counted = report.counts
    return ", ".join(f"{number} {effect}" for effect, number in counted.items())


def _used_by(change: Change) -> str:
    if not change.operations or change.operations == (change.subject,):
        return ""
    shown = list(change.operations[:_FEW])
    if len(change.operations) > _FEW:
        shown.append(f"and {len(change.operations) - _FEW} more")
    return f"  in {', '.join(shown)}"
