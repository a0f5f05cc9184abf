"""Shows an answer while it comes, as text or as a live view of its Markdown. Knows no API, only pieces of text."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from .._optional import RICH
from .output import harmless, write

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import Markdown

View: TypeAlias = Callable[[Iterable[str]], None]
"""Shows the pieces of a text as they come, and whatever has come if they break off."""

_FRAMES_PER_SECOND = 8


def choose(*, plain: bool) -> View:
    """The live view on a terminal that can show one, where rich is installed; otherwise the text alone."""
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return show_text
    if RICH.problem():
        return show_text
    try:
        import rich.live  # noqa: F401
    except ImportError:
        return show_text
    return show_live


def show_text(pieces: Iterable[str]) -> None:
    """Pieces as they are, and the end of the last line."""
    last = ""
    try:
        for piece in pieces:
            write(piece)
            last = piece
    finally:
        if last and not last.endswith("\n"):
            write("\n")


def show_live(pieces: Iterable[str]) -> None:
    """Markdown as it grows, the newest lines where it outgrows the screen; at the end the whole of it stays."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    growing = _Growing()
    try:
        with Live(growing, console=console, refresh_per_second=_FRAMES_PER_SECOND, transient=True):
            for piece in pieces:
                growing.add(piece)
    finally:
        if growing.text:
            console.print(markdown(growing.text))


class _Growing:
    """What rich draws anew for each frame, in a thread of its own."""

    def __init__(self) -> None:
        from rich.spinner import Spinner

        self._pieces: list[str] = []
        self._spinner = Spinner("dots")

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(self, piece: str) -> None:
        self._pieces.append(harmless(piece))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        if not self._pieces:
            yield self._spinner
            return
        lines = console.render_lines(markdown(self.text), options.update(height=None), pad=False)
        # The cursor needs a line too.
        for line in lines[-max(console.height - 1, 1) :]:
            yield from line
            yield Segment.line()


def markdown(text: str) -> Markdown:
    """A text as rich shows it, without loss: rich by itself leaves out HTML, and joins lines."""
    from markdown_it import MarkdownIt
    from rich.markdown import Markdown

    made = Markdown("", hyperlinks=False)
    made.parsed = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).parse(text)
    for token in made.parsed:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
    return made
