"""The checkpoint itself, without a batch: what is on the disk when, what it says of each line, and what it refuses."""

from __future__ import annotations

import builtins
import errno
import json
import multiprocessing
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import aurous
import pytest
from aurous.batch import CheckpointError
from aurous.batch.checkpoint import Checkpoint
from aurous.batch.journal import MARK, Journal
from clientkit.batches import journal_of
from testkit.conditions import PATIENCE


def own_member(number: int, **changes: Any) -> dict[str, Any]:
    """What a record says of its line."""
    key = str(aurous.idempotency_key("a"))
    return {"line": number, "job": "job", "idempotency_key": key, "sent_at": 50.0, **changes}


def test_job_is_on_the_disk_before_anything_is_sent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        synced.append((kind, os.fstat(descriptor).st_ino))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    checkpoint = Checkpoint(path)
    assert ("file", journal_of(path).stat().st_ino) in synced
    assert synced.index(("file", journal_of(path).stat().st_ino)) < synced.index(("folder", path.parent.stat().st_ino))
    assert ("file", path.stat().st_ino) in synced
    checkpoint.close()


def test_output_and_journal_are_synced_while_a_batch_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurous.batch.checkpoint._SYNC_SECONDS", 0.001)
    checkpoint = Checkpoint(path)
    needed = {path.stat().st_ino, journal_of(path).stat().st_ino}
    synced, done = set(), threading.Event()

    def fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        if synced >= needed:
            done.set()

    monkeypatch.setattr(os, "fsync", fsync)
    checkpoint.start(1, 1.0)
    checkpoint.write(b"{}")
    assert done.wait(PATIENCE)
    checkpoint.close()


def record_marks(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], threading.Event]:
    """The last line that the journal names at each of its syncs from now on, and an event for the first."""
    journal, marks, has_synced = journal_of(path), [], threading.Event()
    inode = journal.stat().st_ino

    def fsync(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == inode:
            marks.append(MARK.unpack_from(journal.read_bytes())[0])
            has_synced.set()

    monkeypatch.setattr(os, "fsync", fsync)
    return marks, has_synced


def test_lines_that_are_sent_are_noted_on_the_disk_before_any_result(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurous.batch.checkpoint._SYNC_SECONDS", 0.001)
    checkpoint = Checkpoint(path)
    marks, has_synced = record_marks(path, monkeypatch)
    # The second after a sync, and again without a result.
    for number in (5, 9):
        has_synced.clear()
        checkpoint.start(number, 1.0)
        assert has_synced.wait(PATIENCE)
        assert marks[-1] == number
    checkpoint.close()


def test_end_of_a_run_leaves_its_notes_on_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that it is not the thread that does so.
    monkeypatch.setattr("aurous.batch.checkpoint._SYNC_SECONDS", PATIENCE)
    checkpoint = Checkpoint(path)
    marks, _ = record_marks(path, monkeypatch)
    checkpoint.start(7, 1.0)
    checkpoint.close()
    assert marks == [7]


def test_failure_to_sync_the_last_lines_is_raised(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurous.batch.checkpoint._SYNC_SECONDS", 0.001)
    checkpoint, real, failed = Checkpoint(path), os.fsync, threading.Event()

    def fsync(descriptor: int) -> None:
        # The system reports a page that it could not write once, and then drops it.
        if not failed.is_set():
            failed.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    checkpoint.write(b"{}")
    assert failed.wait(PATIENCE)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.close(is_complete=True)
    # The next run has to know what was sent.
    assert journal_of(path).exists()
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="is not the result of a batch"):
        Checkpoint(path)


def _hold_and_die(path: Path, ready: Any) -> None:
    checkpoint = Checkpoint(path, job="job")
    checkpoint.start(3, 1000.0)
    ready.set()
    os.kill(os.getpid(), 9)


def test_lock_and_journal_survive_a_kill(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_and_die, args=(path, ready))
    process.start()
    process.join(30)
    assert (ready.is_set(), process.exitcode) == (True, -9)
    checkpoint = Checkpoint(path)
    assert checkpoint.job == "job"
    assert [checkpoint.sent_before(number) for number in (1, 3, 4)] == [1000.0, 1000.0, None]
    checkpoint.close()


def test_journal_keeps_the_earliest_time_over_many_runs(path: Path) -> None:
    for high, moment in ((5, 100.0), (3, 200.0), (9, 300.0), (9, 400.0)):
        journal = Journal(path)
        journal.open("job", lambda number: False)
        journal.advance(high, moment)
        journal.close()
    journal = Journal(path)
    assert [journal.sent_before(number) for number in (1, 5, 6, 9, 10)] == [100.0, 100.0, 300.0, 300.0, None]


def test_failed_line_that_may_be_charged_keeps_its_time(path: Path) -> None:
    with_error = Checkpoint(path, job="job")
    record = {
        "id": "batch_req_x",
        "error": {"code": "APITimeoutError"},
        "aurous": own_member(2, may_be_charged=True),
    }
    with_error.write(json.dumps(record).encode())
    with_error.close()
    checkpoint = Checkpoint(path, retry_failed=True)
    assert [checkpoint.sent_before(number) for number in (1, 2)] == [None, 50.0]
    checkpoint.close()
    assert path.read_bytes() == b""
    again = Checkpoint(path)
    assert again.sent_before(2) == 50.0
    again.close()


def test_failed_lines_are_dropped_where_no_open_file_can_be_replaced(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Checkpoint(path, job="job")
    records = [
        {"id": "batch_req_x", "error": error, "aurous": own_member(number)}
        for number, error in enumerate([None, {"code": "APIError"}], 1)
    ]
    for each in records:
        first.write(json.dumps(each).encode())
    first.close()
    replace = os.replace

    def replace_closed(source: Path, target: Path) -> None:
        # As Windows refuses it.
        inodes = {each.stat().st_ino for each in (source, target) if each.exists()}
        if inodes & {os.stat(each).st_ino for each in Path("/proc/self/fd").iterdir() if each.exists()}:
            raise PermissionError(errno.EACCES, "another process is using this file")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_closed)
    monkeypatch.setattr("aurous.batch.checkpoint.CAN_REPLACE_OPEN_FILES", False)
    checkpoint = Checkpoint(path, retry_failed=True)
    assert [checkpoint.is_done(number) for number in (1, 2)] == [True, False]
    assert [json.loads(line) for line in path.read_text().splitlines()] == records[:1]
    with pytest.raises(CheckpointError, match="another run is writing"):
        Checkpoint(path)
    checkpoint.write(json.dumps(records[1]).encode())
    checkpoint.close()
    with path.open("rb"), pytest.raises(CheckpointError, match="another program has opened it"):
        Checkpoint(path, retry_failed=True)
    assert [json.loads(line) for line in path.read_text().splitlines()] == records


@pytest.mark.parametrize("step", ["mmap.mmap", "os.replace", "os.fsync"])
@pytest.mark.parametrize("calls", range(4))
def test_checkpoint_that_cannot_be_opened_closes_its_files(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, calls: int
) -> None:
    first = Checkpoint(path, job="job")
    first.write(json.dumps({"id": "batch_req_x", "error": {"code": "APIError"}, "aurous": own_member(1)}).encode())
    first.close()
    files: list[Any] = []
    open_file, function, left = builtins.open, resolve_name(step.replace(".", ":")), iter(range(calls))

    def fail(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise OSError(errno.EIO, "no")
        return function(*arguments)

    def record(*arguments: Any) -> Any:
        files.append(open_file(*arguments))
        return files[-1]

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        patch.setattr(builtins, "open", record)
        # With enough calls that succeed, it is opened.
        with suppress(OSError):
            Checkpoint(path, retry_failed=True).close()
    assert files
    assert all(file.closed for file in files)


@pytest.mark.parametrize(
    "damage",
    [
        {"error": ...},
        *({"aurous": {name: value}} for name, value in [("line", "1"), ("line", -1), ("job", 5), ("sent_at", "now")]),
        {"aurous": {"idempotency_key": "no uuid"}},
    ],
)
def test_edited_record_is_refused_with_its_line(damage: dict[str, Any], path: Path) -> None:
    whole = {"id": "batch_req_1", "error": None, "aurous": own_member(1)}
    record = {**whole, **damage, "aurous": own_member(1, **damage.get("aurous", {}))}
    path.write_text(
        "".join(json.dumps({k: v for k, v in each.items() if v is not ...}) + "\n" for each in (whole, record))
    )
    with pytest.raises(CheckpointError, match=r"line 2 of .* is not the result of a batch"):
        Checkpoint(path)


def test_pipe_or_device_is_refused(path: Path) -> None:
    os.mkfifo(path)
    for each in (path, Path(os.devnull)):
        with pytest.raises(CheckpointError, match=f"^{each} is not a regular file, so no run could resume from it$"):
            Checkpoint(each)
