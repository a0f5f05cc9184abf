"""A part of a Markdown file that a command writes, between two marks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

END: Final = "<!-- to here -->\n"


@dataclass(frozen=True)
class MarkedSection:
    """The section that a command writes.

    command: what writes it, as it stands in the first mark: `scripts/bench.py --record`
    """

    command: str

    @property
    def begin(self) -> str:
        return f"<!-- written by {self.command} -->\n"

    @property
    def _place(self) -> re.Pattern[str]:
        return re.compile(f"(?<={re.escape(self.begin)}).*?(?={re.escape(END)})", re.DOTALL)

    def content(self, text: str) -> str:
        """What is between the marks. Raises ValueError unless the text has them exactly once."""
        places: list[str] = self._place.findall(text)
        if len(places) != 1:
            raise ValueError(f"there is no single place between {self.begin.strip()} and {END.strip()}")
        return places[0]

    def replace(self, text: str, content: str) -> str:
        """The text with this content between the marks. Raises like `content`."""
        self.content(text)
        return self._place.sub(lambda _: content, text)

    def check(self, path: Path) -> None:
        """Raises ValueError, which names the file, unless it has the marks exactly once."""
        try:
            self.replace(path.read_text(encoding="utf-8"), "")
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from None

    def write(self, path: Path, content: str) -> None:
        """Replace the section of a file. Raises like `replace`."""
        path.write_text(self.replace(path.read_text(encoding="utf-8"), content), encoding="utf-8")
