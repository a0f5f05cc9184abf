"""The journal of a batch: up to which line requests have been sent, and when, in this run and in those that died.

Its first page is mapped into memory, so that a note costs no system call and outlives the process, killed or not; a
loss of power may take the notes since the last `sync`.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from ..errors import ConfigurationError

_PAGE: Final = mmap.PAGESIZE
# The last line that was sent, and the Unix time.
MARK: Final = struct.Struct("<Qd")


class Journal:
    """The journal at a path; it is made by `open`.

    is_read_only: write nothing
    """

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        self._path = path
        self._is_read_only = is_read_only
        self._map: mmap.mmap | None = None
        self._file: IO[bytes] | None = None
        self._job: str | None = None
        self._high = 0
        # Of earlier runs: the last line that was sent, and when. The first that reaches a line is the one that counts.
        self._runs: list[tuple[int, float]] = []
        self._failed: dict[int, float] = {}
        self._read()

    def check_job(self, job: str | None) -> str | None:
        """The job of the journal, if there is one. Raises ConfigurationError if it is not the given one."""
        if job is not None and self._job is not None and job != self._job:
            raise ConfigurationError(f"{self._path} belongs to the job {self._job!r}, not to {job!r}")
        return job if job is not None else self._job

    def remember(self, failed: dict[int, float], job: str | None) -> None:
        """Note when lines were sent whose records are about to be dropped."""
        self._failed.update(failed)
        self._write(job or "")

    def open(self, job: str | None, is_done: Callable[[int], bool]) -> str:
        """Begin a run. Returns its job: a new one if none is given."""
        job = job or new_job()
        self._failed = {number: sent for number, sent in self._failed.items() if not is_done(number)}
        self._write(job)
        if self._is_read_only:
            return job
        file = open(self._path, "r+b")  # noqa: SIM115 - `close` closes it
        try:
            self._map = mmap.mmap(file.fileno(), _PAGE)
        except BaseException:
            file.close()
            raise
        self._file = file
        return job

    def sent_before(self, number: int) -> float | None:
        """Unix time at which an earlier run may have sent a line; None if none has."""
        times = [sent for high, sent in self._runs if number <= high]
        if number in self._failed:
            times.append(self._failed[number])
        return min(times, default=None)

    def advance(self, number: int, now: float) -> None:
        """Note that this run sends a line, and with it has sent all before it."""
        if self._map is not None and number > self._high:
            self._high = number
            MARK.pack_into(self._map, 0, number, now)

    def sync(self) -> None:
        """Sync the notes to the disk. Raises OSError."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self, *, remove: bool = False) -> None:
        """Close it. remove: it has nothing that another run needs to know"""
        if self._map is None or self._file is None:
            return
        self._map.close()
        self._file.close()
        self._map = self._file = None
        if remove:
            self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        try:
            high, now = MARK.unpack_from(content)
            document: dict[str, Any] = json.loads(content[_PAGE:])
            self._job = document["job"] or None
            self._runs = [(int(line), float(sent)) for line, sent in document["runs"]]
            self._failed = {int(line): float(sent) for line, sent in document["failed"].items()}
        except (struct.error, ValueError, KeyError, TypeError, AttributeError):
            raise ConfigurationError(
                f"{self._path} is not the journal of a batch; move it away to begin without it"
            ) from None
        # What an earlier run reached at an earlier time, a later one adds nothing to.
        if high > max((line for line, _ in self._runs), default=0):
            self._runs.append((high, now))

    def _write(self, job: str) -> None:
        if self._is_read_only:
            return
        document = {"job": job, "runs": self._runs, "failed": self._failed}
        path = self._path.with_name(f"{self._path.name}.new")
        with open(path, "wb") as file:
            file.write(MARK.pack(0, 0.0).ljust(_PAGE, b"\0") + json.dumps(document).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(path, self._path)
        _sync_folder(self._path.parent)


def _sync_folder(folder: Path) -> None:
    """Sync a folder, and with it the names of the journal and the output file; Windows does so by itself."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def new_job() -> str:
    """A random name for a job that was given none."""
    return str(uuid.uuid4())
