"""Semantic versions of the package, and dates of API versions and releases."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

VERSION_FILE = Path("overlays/aurous/_version.py")
_MAX_AHEAD = datetime.timedelta(days=2 * 366)
_ASSIGNMENT = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class VersionError(Exception):
    """A version is invalid; the message is one line."""


@dataclass(frozen=True, order=True)
class Version:
    """A semantic version."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text)
        if match is None:
            raise VersionError(f"{text!r} is not a version such as 1.2.3")
        return cls(*map(int, match.groups()))

    def after(self, part: str) -> Version:
        """The next version for a change of this part: major, minor, patch or none.

        Before 1.0.0 a breaking change raises the minor number and anything else the patch number, which suits those
        who pin `~=0.1.0`.
        """
        if part == "none":
            return self
        if self.major == 0:
            return Version(0, self.minor + 1, 0) if part == "major" else Version(0, self.minor, self.patch + 1)
        if part == "major":
            return Version(self.major + 1, 0, 0)
        return Version(self.major, self.minor + 1, 0) if part == "minor" else Version(*self.numbers[:2], self.patch + 1)

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))


def api_date(text: str) -> str:
    """A version of the API, checked to be a date. Raises VersionError."""
    _day(text, "a version of the API, which is a date")
    return text


def release_date(text: str) -> str:
    """A date to release at or to speak from, checked: a day of the calendar, at most two years ahead.

    Raises VersionError.
    """
    if _day(text, "a date") > datetime.date.today() + _MAX_AHEAD:
        raise VersionError(f"{text} is more than two years ahead; check the year")
    return text


def _day(text: str, what: str) -> datetime.date:
    try:
        # `fromisoformat` takes other forms as well.
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    raise VersionError(f"{text!r} is not {what} such as 2026-09-01")


def read(root: Path) -> Version:
    """The package's version in a tree."""
    return Version.parse(_found(root)[1])


def write(root: Path, version: Version) -> None:
    path = root / VERSION_FILE
    _found(root)
    text = path.read_text(encoding="utf-8")
    path.write_text(_ASSIGNMENT.sub(f'__version__ = "{version}"', text), encoding="utf-8")


def _found(root: Path) -> re.Match[str]:
    match = _ASSIGNMENT.search((root / VERSION_FILE).read_text(encoding="utf-8"))
    if match is None:
        raise VersionError(f'{VERSION_FILE} has no line __version__ = "..."')
    return match
