"""Reads the lines of input files: JSON lines, CSV and Parquet, in constant memory."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias

from .._json import INVALID_JSON, decode
from .._optional import PYARROW
from ..errors import ConfigurationError
from .request_forms import Line, Unreadable

InputFormat: TypeAlias = Literal["jsonl", "csv", "parquet"]

_PROBE: Final = 4096
_ROWS_AT_ONCE: Final = 1024
MAX_LINE: Final = 64 * 1024 * 1024
"""Bytes of a line of text. The API takes bodies of 10 MiB, which escapes of JSON can make six times as long."""
_SUFFIXES: Final[dict[str, InputFormat]] = {".csv": "csv", ".parquet": "parquet"}
_ID: Final = "custom_id"
_PROMPT: Final = "prompt"
_REQUEST_COLUMNS: Final = (_ID, "model", _PROMPT)
# A prompt may be a whole document; the default is 128 KiB.
_MAX_CSV_FIELD: Final = 16 * 1024 * 1024
_TOO_LONG: Final = f"it is longer than {MAX_LINE >> 20} MiB"


class InputFile:
    """The lines of a file. Iterate over it once; close it with `with` or `close()`.

    format:   by default that of the file's suffix: `.csv`, `.parquet`, and JSON lines for all others
    required: columns that a CSV or Parquet file must have, such as those of a template; by default `prompt`

    Raises ConfigurationError if the file cannot be read, or is of another kind.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | IO[bytes],
        *,
        format: InputFormat | None = None,  # noqa: A002 - the option's name
        required: tuple[str, ...] = (),
    ) -> None:
        is_path = isinstance(source, (str, os.PathLike))
        self.name = str(source) if is_path else "standard input"
        self.format: InputFormat = format or _SUFFIXES.get(Path(self.name).suffix.lower(), "jsonl")
        self._has_template = bool(required)
        self._required = required or (_PROMPT,)
        self._file: IO[bytes] = self._open(source) if isinstance(source, (str, os.PathLike)) else source
        self._owns_file = is_path
        self._consumed = 0
        self._start = b""
        self.size: int | None
        """Bytes, or rows of a Parquet file; None where that is not known."""
        self.is_pipe: bool
        """Whether reading it may have to wait for another program, or for somebody who types."""
        try:
            self.size, self.is_pipe = _size(self._file)
            self._lines = {"jsonl": self._json_lines, "csv": self._csv_rows, "parquet": self._parquet_rows}[
                self.format
            ]()
        except BaseException:
            self.close()
            raise

    @property
    def position(self) -> int:
        """How much of `size` has been read."""
        return self._consumed

    def __iter__(self) -> Iterator[Line]:
        return self._lines

    def fileno(self) -> int:
        """The descriptor of the file, from which what comes through a pipe is read as it arrives."""
        return self._file.fileno()

    def close(self) -> None:
        if self._owns_file:
            self._file.close()

    def __enter__(self) -> InputFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, path: str | os.PathLike[str]) -> IO[bytes]:
        try:
            return open(path, "rb")
        except OSError as error:
            raise ConfigurationError(f"cannot read {self.name}: {error.strerror}") from None

    def _read(self) -> Iterator[bytes]:
        """The lines of the file, those over MAX_LINE in pieces. Raises ConfigurationError where they cannot be read."""
        try:
            for piece in iter(partial(self._file.readline, MAX_LINE + 1), b""):
                self._consumed += len(piece)
                yield piece
        except OSError as error:
            raise ConfigurationError(f"cannot read {self.name} to its end: {error.strerror}") from None

    def _json_lines(self) -> Iterator[Line]:
        # Before the first line is read, so that a wrong file is an error of the command.
        peek = getattr(self._file, "peek", None)
        if self.size and peek is not None:
            self._refuse_binary(peek(_PROBE)[:_PROBE])
        return self._read_json_lines()

    def check_piece(self, piece: bytes) -> None:
        """Raise ConfigurationError if a file with this piece after those before cannot have JSON lines."""
        if len(self._start) < _PROBE:
            # What comes through a pipe may come byte by byte.
            self._start = (self._start + piece[:_PROBE])[:_PROBE]
            self._refuse_binary(self._start)

    def _refuse_binary(self, start: bytes) -> None:
        if _is_binary(start):
            raise ConfigurationError(f"{self.name} is not a file of JSON lines, but binary; see --input-format")

    def _read_json_lines(self) -> Iterator[Line]:
        number, is_begun = 0, False
        for text in self._read():
            self.check_piece(text)
            is_rest, is_begun = is_begun, not text.endswith(b"\n")
            if is_rest:
                continue
            number += 1
            if not text.isspace():
                yield Line(number, read_json(text))

    def _csv_rows(self) -> Iterator[Line]:
        csv.field_size_limit(_MAX_CSV_FIELD)
        rows = csv.reader(self._texts(), strict=True)
        try:
            names = next(rows)
        except StopIteration:
            raise ConfigurationError(f"{self.name} is empty; its first row must name the columns") from None
        except csv.Error as error:
            raise ConfigurationError(f"{self.name} is not a CSV file: {error}") from None
        if not any(name.strip() for name in names):
            raise ConfigurationError(f"the first row of {self.name} is blank; it must name the columns")
        if not all(name.isprintable() for name in names):
            raise ConfigurationError(f"{self.name} is not a CSV file in UTF-8: its first row has no names of columns")
        self._require(names)
        return self._read_csv_rows(rows, names)

    def _texts(self) -> Iterator[str]:
        for number, line in enumerate(self._read()):
            if len(line) > MAX_LINE and not line.endswith(b"\n"):
                raise ConfigurationError(f"{self.name} is not a CSV file: {_TOO_LONG}, line {number + 1}")
            yield line.decode("utf-8-sig" if number == 0 else "utf-8", errors="surrogateescape")

    def _read_csv_rows(self, rows: Iterator[list[str]], names: list[str]) -> Iterator[Line]:
        number = 1
        while True:
            number += 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(number, Unreadable(f"it is not a row of a CSV file: {error}"), "row")
                continue
            if not row:
                continue
            if len(row) != len(names):
                yield Line(number, Unreadable(f"it has {len(row)} columns instead of {len(names)}"), "row")
            else:
                yield Line(number, self._request_of(dict(zip(names, row, strict=True))), "row")

    def _parquet_rows(self) -> Iterator[Line]:
        problem = PYARROW.problem()
        if problem:
            raise ConfigurationError(f"{self.name}: to read Parquet, {problem}")
        from pyarrow import ArrowException  # type: ignore[import-untyped]
        from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]

        try:
            table: Any = ParquetFile(self._file)
        except (ArrowException, OSError) as error:
            raise ConfigurationError(f"{self.name} is not a Parquet file: {str(error).splitlines()[0]}") from None
        self._require(table.schema_arrow.names)
        self.size = table.metadata.num_rows
        return self._read_parquet_rows(table)

    def _read_parquet_rows(self, table: Any) -> Iterator[Line]:
        from pyarrow import ArrowException

        # Others may hold what Python has no values for.
        names = [name for name in table.schema_arrow.names if name in self._used]
        number, batches = 0, table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=names)
        while True:
            try:
                rows = next(batches, None)
            except (ArrowException, OSError) as error:
                reason = str(error).splitlines()[0]
                raise ConfigurationError(f"{self.name} cannot be read after row {number}: {reason}") from None
            if rows is None:
                return
            for row in _values_of(rows):
                number += 1
                self._consumed = number
                yield Line(number, row if isinstance(row, Unreadable) else self._request_of(row), "row")

    def _require(self, names: list[str]) -> None:
        missing = [name for name in self._required if name not in names]
        if missing:
            raise ConfigurationError(
                f"{self.name} has no column {', '.join(missing)}; its columns are {', '.join(names)}. "
                "A template makes prompts from other columns"
            )
        repeated = [name for name in self._used if names.count(name) > 1]
        if repeated:
            raise ConfigurationError(
                f"{self.name} has more than one column {', '.join(repeated)}; rename all of them but the one to send"
            )

    @property
    def _used(self) -> tuple[str, ...]:
        """The columns that make a request."""
        return tuple(dict.fromkeys((*self._required, _ID))) if self._has_template else _REQUEST_COLUMNS

    def _request_of(self, row: dict[str, Any]) -> dict[str, Any]:
        """The members of a row that make its request: all those for a template, else the ones with a meaning."""
        if self._has_template:
            return row
        return {name: row[name] for name in _REQUEST_COLUMNS if row.get(name) not in (None, "")}


def read_json(text: bytes) -> Any:
    """The value of a line, decoded; or `Unreadable`. text: its first MAX_LINE bytes, and one more, are enough"""
    if len(text) > MAX_LINE and not text.endswith(b"\n"):
        return Unreadable(_TOO_LONG)
    value = decode(text)
    return Unreadable("it is not JSON") if value is INVALID_JSON else value


def _values_of(rows: Any) -> list[dict[str, Any] | Unreadable]:
    """The rows of a batch of pyarrow; `Unreadable` for one with a cell that Python has no value for."""
    from pyarrow import ArrowException

    # Text that is not UTF-8, nanoseconds, a year over 9999, an unknown time zone.
    failures = (ArrowException, ValueError, OverflowError, LookupError)

    def value_at(place: int) -> dict[str, Any] | Unreadable:
        row = {}
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            try:
                row[name] = column[place].as_py()
            except failures as error:
                return Unreadable(f"its {name} cannot be read: {' '.join(str(error).split())}")
        return row

    try:
        values: list[dict[str, Any] | Unreadable] = rows.to_pylist()
    except failures:
        return [value_at(place) for place in range(rows.num_rows)]
    return values


def _size(file: IO[bytes]) -> tuple[int | None, bool]:
    """Its bytes, if they are known, and whether it is a pipe or a terminal."""
    try:
        information = os.fstat(file.fileno())
    except OSError:
        # It exists in memory alone.
        return None, False
    is_file = stat.S_ISREG(information.st_mode)
    return (information.st_size if is_file else None), not is_file


def _is_binary(start: bytes) -> bool:
    return b"\0" in start or start[:2] == b"\x1f\x8b" or start[:4] == b"PAR1"
