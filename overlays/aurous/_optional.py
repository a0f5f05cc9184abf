"""Checks whether an optional package is installed, in a version that works."""

from __future__ import annotations

import re
import sys
from typing import Final, NamedTuple, TypeAlias

Version: TypeAlias = tuple[int, ...]


class OptionalPackage(NamedTuple):
    """A package that a feature needs. Its versions are those of the extra in pyproject.toml."""

    distribution: str
    module: str
    minimum: Version
    below: Version | None
    """The first version that does not work any more, if one is known."""
    requirement: str
    """What to install."""

    def problem(self) -> str | None:
        """Why it cannot be used, and what to do about it; None if it can be."""
        name = self.distribution
        if sys.modules.get(self.module) is None and not _has_spec(self.module):
            return f'{name} is not installed: pip install "{self.requirement}"'
        installed = _installed_version(self)
        # An application that was frozen may have no metadata, but was tested as it is.
        if installed is None:
            return None
        parts = tuple(map(int, re.findall(r"\d+", installed.partition("+")[0])))
        if parts >= self.minimum and (self.below is None or parts < self.below):
            return None
        upper = f", below {_dotted(self.below)}" if self.below else ""
        needed = f"{_dotted(self.minimum)} or later{upper}"
        return f'{name} {installed} is installed, {needed} is needed: pip install --upgrade "{self.requirement}"'


AIOHTTP: Final = OptionalPackage("aiohttp", "aiohttp", (3, 11), (4,), "aurous-labs[aiohttp]")
MSGSPEC: Final = OptionalPackage("msgspec", "msgspec", (0, 21), None, "aurous-labs[tools]")
OPENTELEMETRY: Final = OptionalPackage("opentelemetry-api", "opentelemetry.trace", (1, 20), None, "aurous-labs[otel]")
PYARROW: Final = OptionalPackage("pyarrow", "pyarrow", (16,), None, "aurous-labs[parquet]")
PYDANTIC: Final = OptionalPackage("pydantic", "pydantic", (2,), None, "pydantic")
RAY: Final = OptionalPackage("ray", "ray", (2, 60), None, "aurous-labs[ray]")
RICH: Final = OptionalPackage("rich", "rich", (13,), None, "aurous-labs[cli]")


def _has_spec(module: str) -> bool:
    # Imported late: making a client does not need it.
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # The package around it is not there.
        return False


def _installed_version(package: OptionalPackage) -> str | None:
    known = getattr(sys.modules.get(package.module), "__version__", None)
    if isinstance(known, str):
        return known
    # Slow to import, and often not needed.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package.distribution)
    except PackageNotFoundError:
        return None


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
