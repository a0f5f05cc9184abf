"""Writes the answers of a batch to standard output; once that fails, into a file, since they were charged. Internal."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from typing import IO, Final

from ..batch.async_ import AsyncBatch
from . import output

# What a pipe and its reader may hold that the reader never uses: 64 KiB each.
_UNREAD: Final = 1 << 17


class AnswerWriter:
    """Standard output as the place for answers. When it fails, the batch is stopped, and its other answers saved."""

    def __init__(self, batch: AsyncBatch) -> None:
        self.error: OSError | None = None
        """Why standard output takes no more."""
        self._batch = batch
        self._recent: deque[str] = deque()
        self._size = 0
        self._rescue: IO[str] | None = None

    def write(self, text: str) -> None:
        """Write an answer. Raises OSError only if it can be written nowhere."""
        if self._rescue is None:
            try:
                output.write_json_text(text)
            except OSError as error:
                self.error = error
                self._rescue = self._open_rescue()
            else:
                self._remember(text)
        if self._rescue is not None:
            self._rescue.write(f"{text}\n")

    def close(self) -> None:
        """Close the file with the saved answers."""
        if self._rescue is not None:
            self._rescue.close()

    def _remember(self, text: str) -> None:
        self._recent.append(text)
        self._size += len(text)
        while self._size > _UNREAD and len(self._recent) > 1:
            self._size -= len(self._recent.popleft())

    def _open_rescue(self) -> IO[str]:
        self._batch.stop()
        try:
            file = _new_file(os.getcwd())
        except OSError:
            file = _new_file()
        repeated = ""
        if isinstance(self.error, BrokenPipeError):
            file.writelines(f"{text}\n" for text in self._recent)
            repeated = ", with those before that its reader may not have read"
        output.write_note(
            f"standard output failed: the answers that it did not take go into {file.name}{repeated}; finishing "
            f"{output.counted(self._batch.summary.in_flight, 'request')} in flight"
        )
        return file


def _new_file(folder: str | None = None) -> IO[str]:
    """A file that only its owner can read. folder: by default that of temporary files"""
    return tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", suffix=".jsonl", prefix="aurous-batch-", dir=folder, delete=False
    )
