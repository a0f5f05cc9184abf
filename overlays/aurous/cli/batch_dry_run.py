"""The dry run of a batch: says what a run would send, skip and refuse, and changes no file. Internal."""

from __future__ import annotations

import json
import time

from ..batch.checkpoint import Checkpoint
from ..batch.input_files import InputFile
from ..batch.line_reader import LineReader, Signal, pull_from
from ..batch.request_forms import InvalidLine, RequestForms
from ..batch.scheduler import warn_of_second_charge
from ..batch.settings import Settings
from ..batch.summary import Summary
from . import output
from .arguments import SOME_FAILED


def check(lines: InputFile, settings: Settings, *, as_json: bool) -> int:
    """Read all lines, and report what would be sent. Returns the exit status.

    Raises CheckpointError where a run would: for an output of another job, or of other requests.
    """
    checkpoint = None
    if settings.checkpoint is not None:
        checkpoint = Checkpoint(
            settings.checkpoint, job=settings.job, retry_failed=settings.retry_failed, is_read_only=True
        )
    try:
        return _check(lines, settings, checkpoint, as_json=as_json)
    finally:
        if checkpoint is not None:
            checkpoint.close()


def _check(lines: InputFile, settings: Settings, checkpoint: Checkpoint | None, *, as_json: bool) -> int:
    job = (settings.job or "") if checkpoint is None else checkpoint.job
    forms = RequestForms(job=job, model=settings.model, system=settings.system, template=settings.template)
    summary, now = Summary(), time.time()
    reader = LineReader(pull_from(iter(lines)), forms, checkpoint, summary)
    count = in_flight = size = 0
    while not isinstance(line := reader.peek(), Signal):
        reader.take()
        if isinstance(line, InvalidLine):
            summary.invalid += 1
            output.write_note(line.reason)
            continue
        if checkpoint is not None and checkpoint.sent_before(line.number) is not None:
            in_flight += 1
            warn_of_second_charge(checkpoint, line, now)
        if not count and not as_json:
            output.write_json_text(line.content.decode())
        count += 1
        size += len(line.content)
    if as_json:
        figures = {"to_send": count, "in_flight_before": in_flight, "invalid": summary.invalid}
        output.write_line(json.dumps({**figures, "skipped": summary.skipped, "bytes": size}, indent=2))
    else:
        before = f" ({in_flight:,} of them were in flight before)" if in_flight else ""
        output.write_note(
            f"{output.counted(count, 'line')} would be sent{before}, {size:,} bytes in all; "
            f"{summary.invalid:,} invalid, {summary.skipped:,} with a result. Nothing was sent"
            f"{'; this is the first body' if count else ''}"
        )
    return SOME_FAILED if summary.invalid else 0
