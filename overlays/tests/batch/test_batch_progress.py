"""How the progress of `aurous batch` looks, on a terminal and without one, by a clock that the test moves."""

from __future__ import annotations

import asyncio
import functools
import io
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rich.console
from aurous.batch import InputFile, Summary
from aurous.cli import batch_progress
from aurous.cli.batch_progress import BarProgress, LineProgress, Progress, choose_progress
from clientkit.batches import prompts, write_lines


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines(tmp_path: Path) -> Any:
    with InputFile(write_lines(tmp_path / "prompts.jsonl", prompts(100))) as file:
        yield file


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let standard error be a terminal of 120 columns. Within a test: pytest captures each of its phases anew."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    console = functools.partial(rich.console.Console, width=120, force_terminal=True, file=terminal)
    monkeypatch.setattr(rich.console, "Console", lambda **options: console())
    return terminal


def read(lines: InputFile, count: int) -> None:
    for _ in range(count):
        next(iter(lines))


def chosen(lines: InputFile, clock: Clock, **options: Any) -> Any:
    return choose_progress(lines, Summary(), **{"quiet": False, "uses_stdout": False, "clock": clock, **options})


def test_bar_shows_rates_credits_and_the_time_that_is_left(lines: InputFile, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, summary, terminal = Clock(), Summary(), use_terminal(monkeypatch)
    with choose_progress(lines, summary, quiet=False, uses_stdout=False, clock=clock) as progress:
        assert isinstance(progress, BarProgress)
        for _ in range(5):
            clock.now += 1
            read(lines, 10)
            summary.answered += 10
            summary.job_credits += Decimal("0.25")
            progress.show()
        summary.failed, summary.in_flight = 1, 7
        progress.show()
    shown = terminal.getvalue()
    assert "50 answered, 1 failed, 7 in flight, 10.2/s, 1.25 credits" in shown
    # Lines differ a little in length.
    assert "50%" in shown or "49%" in shown
    assert "0:00:05" in shown or "0:00:06" in shown


def test_line_shows_rates_credits_and_the_time_that_is_left(
    lines: InputFile, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, summary = Clock(), Summary()
    with choose_progress(lines, summary, quiet=False, uses_stdout=False, clock=clock) as progress:
        assert isinstance(progress, LineProgress)
        clock.now += 10
        read(lines, 50)
        summary.answered, summary.job_credits = 50, Decimal("1.25")
        progress.show()
    shown = capsys.readouterr().err
    assert shown.startswith("aurous: 50 answered, 0 in flight, 5.0/s, 1.25 credits; ")
    assert "% of the input, about 10." in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(("attempts", "expected"), [(2, ""), (1200, ", the last 1,200 attempts got no response")])
def test_progress_says_that_no_response_comes(
    lines: InputFile, capsys: pytest.CaptureFixture[str], attempts: int, expected: str
) -> None:
    summary = Summary(unanswered=attempts)
    with choose_progress(lines, summary, quiet=False, uses_stdout=False, clock=Clock()) as progress:
        progress.show()
    assert capsys.readouterr().err == f"aurous: 0 answered, 0 in flight, 0.0/s, 0 credits{expected}\n"


def test_there_is_a_line_every_five_seconds(
    lines: InputFile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, shown = Clock(), []

    async def sleep(seconds: float) -> None:
        clock.now += seconds
        shown.append(clock.now - 100)
        if len(shown) > 3:
            raise asyncio.CancelledError

    # Of this module only: servers of other tests sleep too.
    monkeypatch.setattr(batch_progress, "asyncio", SimpleNamespace(sleep=sleep))
    with chosen(lines, clock) as progress, pytest.raises(asyncio.CancelledError):
        asyncio.run(progress.repeat())
    assert shown == [5, 10, 15, 20]
    assert len(capsys.readouterr().err.splitlines()) == 3


@pytest.mark.parametrize("options", [{"quiet": True}, {"uses_stdout": True}])
def test_nothing_is_shown_where_it_would_disturb(
    lines: InputFile, monkeypatch: pytest.MonkeyPatch, options: dict[str, bool]
) -> None:
    terminal = use_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", Terminal())
    with chosen(lines, Clock(), **options) as progress:
        progress.show()
    assert type(progress) is Progress
    assert terminal.getvalue() == ""


def test_terminal_without_capabilities_gets_lines(lines: InputFile, monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    with chosen(lines, Clock()) as progress:
        assert isinstance(progress, LineProgress)
