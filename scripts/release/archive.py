"""The archive of released specs, one of each version of the API, with the package version that spoke it last."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from .versions import Version, VersionError, api_date

# Inside the mock, which serves by them and carries them in the wheel.
FOLDER = Path("conformance/aurous_mock/specs")
SUMS = "SHA256SUMS"
_HEADER = "# Released with aurous-labs {version}. Written by scripts/bump.py alone: clients were built on it.\n"
_HEADER_FORM = re.compile(r"# Released with aurous-labs (\S+)\. ")


class ArchiveError(Exception):
    """A released spec is missing or was edited; the message is one line."""


@dataclass(frozen=True)
class Released:
    """One released spec."""

    api_version: str
    package: Version
    path: Path


def released(root: Path) -> list[Released]:
    """Every released spec, oldest first. Raises ArchiveError."""
    releases = []
    for path in sorted((root / FOLDER).glob("*.yaml")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        header = _HEADER_FORM.match(first)
        try:
            api_version = api_date(path.stem)
            package = Version.parse(header[1] if header else "")
        except VersionError as error:
            raise ArchiveError(f"{FOLDER / path.name}: its name or its first line is wrong: {error}") from error
        releases.append(Released(api_version, package, path))
    if not releases:
        raise ArchiveError(f"{FOLDER} holds no released spec")
    return releases


def check(root: Path) -> list[Released]:
    """Every released spec, with its checksum verified. Raises ArchiveError."""
    releases = released(root)
    sums = _sums(root)
    for spec in releases:
        if sums.pop(spec.path.name, None) != _digest(spec.path):
            raise ArchiveError(f"{FOLDER / spec.path.name} was edited; only scripts/bump.py writes it")
    if sums:
        raise ArchiveError(f"{FOLDER / min(sums)} is gone; a released spec is kept for good")
    return releases


def add(root: Path, spec: Path, api_version: str, package: Version) -> Path:
    """Archive a spec as released; of the newest version, in place of its earlier text. Raises ArchiveError."""
    target = root / FOLDER / f"{api_version}.yaml"
    later = [path.name for path in target.parent.glob("*.yaml") if path.name > target.name]
    if later:
        raise ArchiveError(f"{FOLDER / max(later)} was released after {api_version}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(_HEADER.format(version=package).encode() + spec.read_bytes())
    lines = [f"{digest}  {name}\n" for name, digest in sorted({**_sums(root), target.name: _digest(target)}.items())]
    (target.parent / SUMS).write_text("".join(lines), encoding="utf-8")
    return target


def _sums(root: Path) -> dict[str, str]:
    path = root / FOLDER / SUMS
    if not path.exists():
        return {}
    rows = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in rows}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
