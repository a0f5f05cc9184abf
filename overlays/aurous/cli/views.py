"""Shows an answer while it arrives: as text, or as a live view of its Markdown. Internal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from .._optional import RICH
from .output import sanitize, write

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import Markdown

View: TypeAlias = Callable[[Iterable[str]], None]
"""Shows the parts of a text as they arrive, also if they end with an error."""

_FRAMES_PER_SECOND = 8


def choose_view(*, plain: bool) -> View:
    """The live view if the terminal supports it and rich is installed; otherwise plain text."""
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return show_text
    if RICH.problem():
        return show_text
    try:
        import rich.live  # noqa: F401
    except ImportError:
        return show_text
    return show_live


def show_text(texts: Iterable[str]) -> None:
    """Write the parts unchanged, and a final newline."""
    last = ""
    try:
        for text in texts:
            write(text)
            last = text
    finally:
        if last and not last.endswith("\n"):
            write("\n")


def show_live(texts: Iterable[str]) -> None:
    """Render growing Markdown: its last lines if it exceeds the screen, all of it at the end."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    live_markdown = _LiveMarkdown()
    try:
        with Live(live_markdown, console=console, refresh_per_second=_FRAMES_PER_SECOND, transient=True):
            for text in texts:
                live_markdown.add(text)
    finally:
        if live_markdown.text:
            console.print(markdown(live_markdown.text))


class _LiveMarkdown:
    """A renderable that rich renders for each frame, in its own thread."""

    def __init__(self) -> None:
        from rich.spinner import Spinner

        self._texts: list[str] = []
        self._spinner = Spinner("dots")

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def add(self, text: str) -> None:
        self._texts.append(sanitize(text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        if not self._texts:
            yield self._spinner
            return
        lines = console.render_lines(markdown(self.text), options.update(height=None), pad=False)
        # One line is for the cursor.
        for line in lines[-max(console.height - 1, 1) :]:
            yield from line
            yield Segment.line()


def markdown(text: str) -> Markdown:
    """Markdown for rich without loss: rich itself drops HTML, and joins lines."""
    from markdown_it import MarkdownIt
    from rich.markdown import Markdown

    document = Markdown("", hyperlinks=False)
    document.parsed = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).parse(text)
    for token in document.parsed:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
    return document
