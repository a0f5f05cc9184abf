"""The output file of a batch as its checkpoint, from which a run resumes: lines with a result are not sent again.

Only one run at a time writes it.

Each result is one line, written as soon as it is there. The journal beside it says up to which line requests have been
sent, and when: what is missing in the output was in flight. A thread syncs both, once a second.

A process that is killed loses nothing that was written. A loss of power may take the lines of the last second: these
are sent again with the same keys, which are made of job, id and body, and so get their first answers, uncharged, for
24 hours. It may take the notes of the last second, too: what was sent then is not named if it is sent again later. The
name of the job is on the disk before anything is sent.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
from array import array
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from io import BytesIO, UnsupportedOperation
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from .._json import INVALID_JSON, MAX_DEPTH, decode
from ..billing.receipts import EXACT
from ..errors import ConfigurationError
from .file_lock import CAN_REPLACE_OPEN_FILES, lock_file
from .journal import Journal
from .results import OWN_MEMBER, RECORD_START

_SYNC_SECONDS: Final = 1.0
# A record has the body of a response two levels deep.
_MAX_DEPTH: Final = MAX_DEPTH + 2
_NO_FILE: Final = "is not a regular file, so no run could resume from it"


class CheckpointError(ConfigurationError):
    """An output file from which no run can resume: of another job, of another input, or written by another run."""


def read(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The records of an output file, decoded; a torn last line is left out. Raises CheckpointError for another file."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _result_line(line, number, Path(path))


class Checkpoint:
    """An output file, locked for this run.

    job:          the job it must belong to; by default the one it belongs to, or a new one
    retry_failed: forget the lines that failed, so that they are sent again
    is_read_only: change nothing, and make no file, for a run that sends nothing

    Raises CheckpointError for a file that is not of this job, and OSError if it cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        job: str | None = None,
        retry_failed: bool = False,
        is_read_only: bool = False,
    ) -> None:
        self.path = Path(path)
        self._is_read_only = is_read_only
        self.answered = 0
        """The lines that have an answer."""
        self.failed = 0
        """The lines that ended in an error."""
        self.credits = Decimal(0)
        """The price of all these lines."""
        self._job = job
        # By line: 8 bytes of the key of its record; 0 without one.
        self._keys = array("Q")
        self._problem: OSError | None = None
        self._is_dirty = False
        self._closing = threading.Event()
        self._syncer: threading.Thread | None = None
        is_absent = is_read_only and not self.path.exists()
        self._file: IO[bytes] = _open_absent(self.path) if is_absent else _open_locked(self.path)
        try:
            self._journal = Journal(self.path.with_name(f"{self.path.name}.journal"), is_read_only=is_read_only)
            self._job = self._journal.check_job(self._job)
            self._load(retry_failed)
            self._sync()
            # The last step, since it leaves the journal open.
            self.job = self._journal.open(self._job, self.is_done)
        except BaseException:
            self._file.close()
            raise

    def is_done(self, number: int) -> bool:
        """Whether the line has a record."""
        return number < len(self._keys) and self._keys[number] != 0

    def check(self, number: int, key: str, unit: str = "line") -> bool:
        """Whether the line has a record. Raises CheckpointError if that is the record of another request.

        unit: as that of `BatchRequest`
        """
        if not self.is_done(number):
            return False
        if self._keys[number] != _digest(key):
            raise CheckpointError(
                f"{unit} {number} of the input is not the one that {self.path} has a result of: the input, the model, "
                f"the template or the system text has changed. Use them as they were, or another output file; a {unit} "
                "that failed may be corrected, and sent again with retry_failed (--retry-failed)"
            )
        return True

    def sent_before(self, number: int) -> float | None:
        """Unix time at which an earlier run may have sent a line that has no record; None if none has."""
        return self._journal.sent_before(number)

    def start(self, number: int, now: float) -> None:
        """Note that a line is about to be sent. now: Unix time"""
        self._journal.advance(number, now)
        # No result may come for a long time.
        self._request_sync()

    def write(self, record: bytes) -> None:
        """Append a record. Raises OSError, and the file then ends with the record before."""
        if self._problem is not None:
            raise self._problem
        descriptor, line, written = self._file.fileno(), record + b"\n", 0
        try:
            while written < len(line):
                written += os.write(descriptor, line[written:])
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_END) - written)
            raise
        self._request_sync()

    def close(self, *, is_complete: bool = False) -> None:
        """Sync and unlock the file. is_complete: whether every line that was sent has a record"""
        self._closing.set()
        if self._syncer is not None:
            self._syncer.join()
        if self._file.closed:
            return
        try:
            self._sync()
            if self._problem is not None:
                # What a sync could not write is lost, and the next sync succeeds without it.
                raise self._problem
            self._journal.close(remove=is_complete)
        finally:
            self._journal.close()
            self._file.close()

    def _request_sync(self) -> None:
        """Have what was written synced within a second."""
        self._is_dirty = True
        if self._syncer is None:
            syncer = threading.Thread(target=self._sync_regularly, name="aurous-batch-sync", daemon=True)
            syncer.start()
            self._syncer = syncer

    def _sync(self) -> None:
        if not self._is_read_only:
            os.fsync(self._file.fileno())
            self._journal.sync()

    def _sync_regularly(self) -> None:
        while not self._closing.wait(_SYNC_SECONDS):
            if self._is_dirty:
                self._is_dirty = False
                try:
                    self._sync()
                except OSError as error:
                    self._problem = error
                    return

    def _load(self, retry_failed: bool) -> None:
        failed: dict[int, float] = {}
        end = 0
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            # After a loss of power, a file may have its new length and not yet its new content.
            start = line.rstrip(b"\0")
            if not line.endswith(b"\n") and start[: len(RECORD_START)] == RECORD_START[: len(start)]:
                # Torn by the end of an earlier run.
                if not self._is_read_only:
                    os.ftruncate(self._file.fileno(), end)
                break
            end += len(line)
            record = _result_line(line, number, self.path)
            own = record[OWN_MEMBER]
            self._check_job(own["job"])
            if record["error"] is not None and retry_failed:
                failed[own["line"]] = own["sent_at"] if own.get("may_be_charged") else 0.0
                continue
            self._mark(own["line"], own["idempotency_key"])
            self.credits = EXACT.add(self.credits, _credits(own))
            if record["error"] is None:
                self.answered += 1
            else:
                self.failed += 1
        if failed:
            self._journal.remember({number: sent for number, sent in failed.items() if sent}, self._job)
            if not self._is_read_only:
                self._drop_failed()

    def _drop_failed(self) -> None:
        """Replace the file by one without the records of errors, in one step."""
        # Of a symbolic link, the file behind it.
        target = self.path.resolve()
        path = target.with_name(f"{target.name}.new")
        with open(path, "wb") as new:
            # Before it holds an answer, which others may not be allowed to read.
            shutil.copymode(target, path)
            self._file.seek(0)
            for number, line in enumerate(self._file, 1):
                if _result_line(line, number, self.path)["error"] is None:
                    new.write(line)
            new.flush()
            os.fsync(new.fileno())
        if not CAN_REPLACE_OPEN_FILES:
            self._file.close()
            try:
                os.replace(path, target)
            except PermissionError:
                raise CheckpointError(f"cannot replace {target}: another program has opened it") from None
            self._file = _open_locked(target)
            return
        replacement = _open_locked(path)
        try:
            os.replace(path, target)
        except BaseException:
            replacement.close()
            raise
        self._file.close()
        self._file = replacement

    def _check_job(self, job: str) -> None:
        if self._job is None:
            self._job = job
        elif self._job != job:
            raise CheckpointError(f"{self.path} belongs to the job {job!r}, not to {self._job!r}; use another file")

    def _mark(self, number: int, key: str) -> None:
        if number >= len(self._keys):
            self._keys.extend([0] * (max(number + 1, 2 * len(self._keys)) - len(self._keys)))
        self._keys[number] = _digest(key)


def _open_absent(path: Path) -> IO[bytes]:
    """What stands for a file that is not to be made. Raises CheckpointError if there is no folder to make it in."""
    try:
        os.stat(os.path.join(path.parent, "."))
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}") from None
    return BytesIO()


def _open_locked(path: Path) -> IO[bytes]:
    """The file, made if there is none, which no other run may open until it is closed."""
    while True:
        try:
            file = open(path, "a+b")  # noqa: SIM115 - the checkpoint closes it
        except UnsupportedOperation:
            # A pipe, in which no place can be sought.
            raise CheckpointError(f"{path} {_NO_FILE}") from None
        except OSError as error:
            raise CheckpointError(f"cannot write {path}: {error.strerror}") from None
        try:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CheckpointError(f"{path} {_NO_FILE}")
            lock_file(file)
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        except BlockingIOError:
            file.close()
            raise CheckpointError(f"another run is writing {path}") from None
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        # Replaced between opening and locking.
        file.close()


def _result_line(line: bytes, number: int, path: Path) -> dict[str, Any]:
    record = decode(line, _MAX_DEPTH)
    own = record.get(OWN_MEMBER) if record is not INVALID_JSON and isinstance(record, dict) else None
    if not (isinstance(own, dict) and "error" in record and _is_own(own)):
        raise CheckpointError(f"line {number} of {path} is not the result of a batch; use another output file")
    return record  # type: ignore[no-any-return]


def _credits(own: dict[str, Any]) -> Decimal:
    try:
        return Decimal(own["receipt"]["credits"])
    except (KeyError, TypeError, InvalidOperation):
        return Decimal(0)


def _is_own(own: dict[str, Any]) -> bool:
    """Whether a record's own member is as it was written; a person may have edited the file."""
    kinds = {"line": int, "job": str, "idempotency_key": str, "sent_at": int | float}
    if not all(isinstance(own.get(name), kind) for name, kind in kinds.items()) or own["line"] < 0:
        return False
    try:
        UUID(own["idempotency_key"])
    except ValueError:
        return False
    return True


def _digest(key: str) -> int:
    """8 bytes of a key, which is a UUID; never 0."""
    return int(key.replace("-", "")[-16:], 16) or 1
