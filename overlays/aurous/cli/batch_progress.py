"""Shows how far a batch is: a live bar on a terminal, else a line every few seconds. Internal."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .._optional import RICH
from ..batch.input_files import InputFile
from ..batch.summary import Summary
from . import output

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

_LINE_SECONDS: Final = 5.0
_BAR_SECONDS: Final = 0.25
# So many attempts without a response in a row are no chance.
_SILENCE: Final = 3
Clock: TypeAlias = Callable[[], float]


class Progress:
    """Shows nothing."""

    interval = _LINE_SECONDS

    def __init__(self, lines: InputFile, summary: Summary) -> None:
        self.lines = lines
        self.summary = summary

    async def repeat(self) -> None:
        """Show the figures repeatedly, until cancelled."""
        while True:
            await asyncio.sleep(self.interval)
            self.show()

    def show(self) -> None:
        """Show the figures once."""


class LineProgress(Progress):
    """Writes a line to standard error."""

    def __init__(self, lines: InputFile, summary: Summary, clock: Clock) -> None:
        super().__init__(lines, summary)
        self._clock = clock
        self._began = clock()

    def show(self) -> None:
        seconds, share = self._clock() - self._began, _share(self.lines)
        left = ""
        if share and (self.summary.answered or self.summary.failed):
            left = f"; {share:.0%} of the input, about {_duration(seconds * (1 - share) / share)} left"
        output.write_note(f"{figures(self.summary, seconds)}{left}")


class BarProgress(Progress):
    """Updates a bar of rich."""

    interval = _BAR_SECONDS

    def __init__(self, lines: InputFile, summary: Summary, bar: RichProgress, clock: Clock) -> None:
        super().__init__(lines, summary)
        self._bar = bar
        self._clock = clock
        self._began = clock()
        self._task = bar.add_task("", total=lines.size)

    def show(self) -> None:
        seconds = self._clock() - self._began
        changes: dict[str, Any] = {"description": figures(self.summary, seconds), "total": self.lines.size}
        self._bar.update(self._task, completed=self.lines.position, **changes)


def choose_progress(
    lines: InputFile, summary: Summary, *, quiet: bool, uses_stdout: bool, clock: Clock = time.monotonic
) -> AbstractContextManager[Progress]:
    """The bar if standard error is a terminal and rich is installed; otherwise lines, or nothing. clock: seconds"""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    shares_terminal = uses_stdout and sys.stdout.isatty()
    if quiet or shares_terminal:
        return _just(Progress(lines, summary))
    if not is_terminal or RICH.problem():
        return _just(LineProgress(lines, summary, clock))
    return _bar(lines, summary, clock)


@contextmanager
def _just(progress: Progress) -> Iterator[Progress]:
    yield progress


@contextmanager
def _bar(lines: InputFile, summary: Summary, clock: Clock) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True, get_time=clock) as bar:
        progress = BarProgress(lines, summary, bar, clock)
        progress.show()
        yield progress


def figures(summary: Summary, seconds: float) -> str:
    """The figures of a run in progress, in one line."""
    rate = (summary.answered + summary.failed) / seconds if seconds else 0.0
    failed = f", {summary.failed:,} failed" if summary.failed else ""
    is_silent = summary.unanswered >= _SILENCE
    silence = f", the last {summary.unanswered:,} attempts got no response" if is_silent else ""
    return (
        f"{summary.answered:,} answered{failed}, {summary.in_flight} in flight, {rate:,.1f}/s, "
        f"{summary.job_credits:f} credits{silence}"
    )


def describe(summary: Summary) -> Iterator[str]:
    """The figures of a run that has ended, in a few lines."""
    more = [
        (summary.failed, "failed"),
        (summary.invalid, "of them invalid"),
        (summary.skipped, "done before"),
        (summary.failed_before, "of them failed"),
    ]
    counts = "".join(f", {count:,} {what}" for count, what in more if count)
    yield f"{output.counted(summary.answered, 'line')} answered{counts}, in {_duration(summary.seconds)}"
    if summary.replayed:
        yield f"{summary.replayed:,} of them had been in flight before, and got their first answer, uncharged"
    each = summary.credits_per_line
    tokens = summary.prompt_tokens + summary.completion_tokens + summary.reasoning_tokens
    price = "" if each is None else f", {each:.4f} for each line"
    whole = f" ({summary.job_credits:f} for the whole job)" if summary.job_credits != summary.credits else ""
    yield f"{summary.credits:f} credits charged{whole}{price}; {output.counted(tokens, 'token')}"
    p50, p99 = summary.durations.percentile(0.5), summary.durations.percentile(0.99)
    if p50 is not None and p99 is not None:
        yield (
            f"half of the calls took {p50:.2f} s or less, 99 % of them {p99:.2f} s or less; "
            f"{output.counted(summary.refusals, 'attempt')} refused, "
            f"{output.counted(summary.retries, 'retry', 'retries')}"
        )


def _share(lines: InputFile) -> float:
    """How much of the input has been read, from 0 to 1; 0 where that is not known."""
    return min(lines.position / lines.size, 1.0) if lines.size else 0.0


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
