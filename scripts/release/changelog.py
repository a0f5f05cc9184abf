"""Adds the entry of a release to CHANGELOG.md."""

from __future__ import annotations

import re
from pathlib import Path

from .versions import Version

FILE = Path("CHANGELOG.md")
_UNRELEASED = "## Unreleased"
_SPEAKS = re.compile(r"Speaks Aurous-Version \d{4}-\d{2}-\d{2}\.")


def add(text: str, version: Version, api_version: str, day: str, section: str) -> str:
    """The changelog with this release; its unreleased entries follow the changes of the API."""
    heading = f"## {version} - {day}"
    speaks = f"Speaks Aurous-Version {api_version}."
    before, marker, after = text.partition(_UNRELEASED)
    if not marker:
        first = re.search(r"^## ", text, re.MULTILINE)
        place = first.start() if first else len(text)
        before, after = text[:place], "\n\n" + text[place:]
        return f"{before}{heading}\n\n{speaks}\n\n{section}{after}"
    own, rest = _cut(after)
    own = _SPEAKS.sub("", own).strip()
    parts = [heading, speaks, section, *([own] if own else [])]
    return before + "\n\n".join(parts) + "\n" + (f"\n{rest}" if rest else "")


def _cut(text: str) -> tuple[str, str]:
    """The text before the next release's heading, and the rest."""
    following = re.search(r"^## ", text, re.MULTILINE)
    return (text[: following.start()], text[following.start() :]) if following else (text, "")
