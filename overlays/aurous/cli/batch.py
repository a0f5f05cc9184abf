"""The command `aurous batch`: a file of requests in, a file of answers out. Internal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import IO, Any, Final

from .._client.client import AsyncAurous
from ..batch.async_ import AsyncBatch, arun
from ..batch.input_files import MAX_LINE, InputFile, read_json
from ..batch.request_forms import Line, template_fields
from ..batch.settings import Settings
from ..billing.budget import parse_credits
from ..errors import AurousError, BudgetExceededError, ConfigurationError
from . import batch_dry_run, failures, output
from .arguments import BUDGET_SPENT, INTERRUPTED, SOME_FAILED
from .batch_output import AnswerWriter
from .batch_progress import choose_progress, describe

_PIECE: Final = 1 << 16


def run(flags: Namespace) -> int:
    """Send all lines. Returns the exit status; raises ConfigurationError, the error that ended the run, and OSError."""
    to_stdout = flags.output == "-"
    if to_stdout and flags.json and not flags.dry_run:
        raise ConfigurationError("--json writes the summary to standard output: give the answers a file, -o FILE")
    if to_stdout and flags.retry_failed:
        raise ConfigurationError("--retry-failed needs the file of an earlier run, -o FILE")
    with _input(flags) as lines:
        if flags.dry_run:
            return batch_dry_run.check(lines, Settings(**_arguments(flags), share=1.0, retry=None), as_json=flags.json)
        return asyncio.run(_Run(lines, flags).run())


class _Run:
    """One run of the command."""

    def __init__(self, lines: InputFile, flags: Namespace) -> None:
        self._lines = lines
        self._flags = flags
        self._to_stdout = flags.output == "-"
        self._batch: AsyncBatch
        self._interrupts = 0
        self._is_budget_spent = False
        self._task: asyncio.Task[Any] | None = None

    async def run(self) -> int:
        self._task = asyncio.current_task()
        async with AsyncAurous(base_url=self._flags.base_url, timeout=self._flags.timeout) as client:
            self._batch = self._make_batch(client)
            with _signals(self._interrupt):
                try:
                    await self._iterate()
                except BudgetExceededError as error:
                    self._is_budget_spent = True
                    return self._end(BUDGET_SPENT, f"{error}; with a larger --budget, the job resumes")
                except asyncio.CancelledError:
                    if self._interrupts < 2:
                        raise
                    return self._end(INTERRUPTED, "disconnected")
                except AurousError as error:
                    if self._batch.summary.lines:
                        self._report()
                    if isinstance(error, ConfigurationError):
                        raise
                    output.write_note(failures.summary(error))
                    self._explain_resuming()
                    return failures.exit_status(error)
                except OSError:
                    # Without a job, it has not begun.
                    if self._batch.job:
                        if self._batch.summary.lines:
                            self._report()
                        self._explain_resuming()
                    raise
        if self._interrupts:
            self._note_excess()
            return self._end(INTERRUPTED, "interrupted")
        return self._finish()

    def _make_batch(self, client: AsyncAurous) -> AsyncBatch:
        flags = self._flags
        return arun(
            client,
            _read_pipe(self._lines) if self._lines.is_pipe and self._lines.format == "jsonl" else self._lines,
            **_arguments(flags),
        )

    async def _iterate(self) -> None:
        uses_stdout = self._to_stdout
        async with self._batch as batch:
            with choose_progress(self._lines, batch.summary, quiet=self._flags.quiet, uses_stdout=uses_stdout) as show:
                ticker = asyncio.ensure_future(show.repeat())
                answers = AnswerWriter(batch)
                try:
                    async for result in batch:
                        if uses_stdout:
                            answers.write(result.to_json().decode())
                finally:
                    ticker.cancel()
                    answers.close()
                if answers.error is not None:
                    raise answers.error

    def _interrupt(self) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            waiting = self._batch.waiting
            self._batch.stop()
            requests = output.counted(self._batch.summary.in_flight - waiting, "request")
            left = f" and leaving {waiting:,} that failed and would be repeated" if waiting else ""
            output.write_note(f"interrupted: finishing {requests} in flight{left}; once more disconnects them")
        elif self._task is not None:
            self._task.cancel()

    def _finish(self) -> int:
        """Report a run that took all lines. Returns the exit status."""
        self._report()
        self._note_excess()
        count = self._failed
        if not count:
            return 0
        again = "" if self._to_stdout else "; --retry-failed sends them again"
        failed = "1 line failed, with its" if count == 1 else f"{count:,} lines failed, each with its"
        output.write_note(f"{failed} error in the output{again}")
        return SOME_FAILED

    @property
    def _failed(self) -> int:
        """The lines that failed, in this run or an earlier one."""
        return self._batch.summary.failed + self._batch.summary.failed_before

    def _note_excess(self) -> None:
        """Say so if the job cost more than its budget, though no line was left for that."""
        if self._has_excess():
            credits = self._batch.summary.job_credits
            output.write_note(f"the job exceeded its budget of {self._flags.budget} credits ({credits:f})")

    def _has_excess(self) -> bool:
        budget = self._flags.budget
        return budget is not None and self._batch.summary.job_credits > parse_credits(budget)

    def _end(self, status: int, reason: str) -> int:
        """Report a run that was ended early. Returns the exit status."""
        self._report()
        output.write_note(reason)
        self._explain_resuming()
        return status

    def _explain_resuming(self) -> None:
        if not self._to_stdout:
            count = 0 if self._flags.retry_failed else self._failed
            failed = "the line that failed" if count == 1 else f"the {count:,} lines that failed"
            more = f"; --retry-failed also sends {failed} again" if count else ""
            output.write_note(f"run the same command again to resume; {self._flags.output} has what was answered{more}")
        elif self._flags.job is not None:
            output.write_note(f"--job {self._batch.job} again within 24 hours pays for nothing twice")
        else:
            output.write_note(
                f"--job {self._batch.job} within 24 hours pays for nothing twice; with -o FILE, a run can be resumed"
            )

    def _report(self) -> None:
        summary = self._batch.summary
        if self._flags.json:
            budget_exceeded = self._is_budget_spent or self._has_excess()
            figures = {"job": self._batch.job, **summary.to_dict(), "budget_exceeded": budget_exceeded}
            output.write_line(json.dumps(figures, indent=2))
        elif not self._flags.quiet:
            for line in describe(summary):
                output.write_note(line)


def _arguments(flags: Namespace) -> dict[str, Any]:
    """The arguments of `arun`."""
    names = ("job", "model", "system", "template", "concurrency", "budget", "ordered", "retry_failed")
    return {
        "checkpoint": None if flags.output == "-" else flags.output,
        **{name: getattr(flags, name) for name in names},
    }


def _input(flags: Namespace) -> AbstractContextManager[InputFile]:
    needed = template_fields(flags.template) if flags.template is not None else ()
    if flags.input != "-":
        return InputFile(flags.input, format=flags.input_format, required=needed)
    return _standard_input(flags, needed)


@contextmanager
def _standard_input(flags: Namespace, needed: tuple[str, ...]) -> Iterator[InputFile]:
    with ExitStack() as stack:
        if sys.stdin is None:
            raise ConfigurationError("standard input is closed")
        source: IO[bytes] = sys.stdin.buffer
        if flags.input_format in ("csv", "parquet"):
            # These are not read in pieces as they arrive.
            import shutil
            import tempfile

            copy = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(source, copy)
            copy.seek(0)
            source = copy
        yield stack.enter_context(InputFile(source, format=flags.input_format, required=needed))


async def _read_pipe(pipe: InputFile) -> AsyncIterator[Line]:
    """The lines of a pipe, as they arrive, while requests are made."""
    number = 0
    # Joined at the end of the line: joining each piece to a long line would copy that again and again.
    begun: list[bytes] = []
    size = 0
    while True:
        await _readable(pipe.fileno())
        try:
            piece = os.read(pipe.fileno(), _PIECE)
        except OSError as error:
            raise ConfigurationError(f"cannot read {pipe.name} to its end: {error.strerror}") from None
        pipe.check_piece(piece)
        end, *lines = piece.split(b"\n")
        if size <= MAX_LINE:
            begun.append(end)
            size += len(end)
        if piece and not lines:
            continue
        lines.insert(0, b"".join(begun))
        begun = [lines.pop()] if piece else []
        size = sum(map(len, begun))
        for text in lines:
            number += 1
            if text and not text.isspace():
                yield Line(number, read_json(text))
        if not piece:
            return


async def _readable(descriptor: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except (PermissionError, NotImplementedError):
        # What never has to wait cannot be waited for, such as /dev/null. On Windows nothing can be, and reading waits.
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _signals(interrupt: Any) -> Iterator[None]:
    """Ctrl-C and SIGTERM call a function, where the system has signals."""
    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    try:
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in numbers:
                loop.add_signal_handler(number, interrupt)
        yield
    finally:
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in numbers:
                loop.remove_signal_handler(number)
