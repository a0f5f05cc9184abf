"""Input files of a batch: JSON lines, CSV and Parquet; what is broken in them, and files of another kind."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow
import pytest
from aurous.batch import InputFile
from aurous.batch.input_files import read_json
from aurous.batch.request_forms import InvalidLine, Line, RequestForms, Unreadable
from aurous.cli.batch import _read_pipe
from aurous.errors import ConfigurationError
from aurous_mock.server.launcher import Mock
from clientkit.batches import run_batch
from pyarrow import parquet


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(path: Path, **options: Any) -> list[tuple[int, Any]]:
    """The number and the value of each line."""
    with InputFile(path, **options) as file:
        return [(line.number, line.value) for line in file]


def reasons(path: Path) -> list[str]:
    """Why lines are invalid."""
    forms = RequestForms(job="test", model="m")
    with InputFile(path) as file:
        return [line.reason for line in (forms.read(*line) for line in file) if isinstance(line, InvalidLine)]


def test_errors_count_what_the_file_consists_of(tmp_path: Path) -> None:
    # A field may have several lines.
    assert reasons(write(tmp_path / "a.csv", 'prompt\n"a\nb"\nx,y\n')) == ["row 3: it has 2 columns instead of 1"]
    assert reasons(write(tmp_path / "a.jsonl", '"a"\n{]\n')) == ["line 2: it is not JSON"]
    parquet.write_table(pyarrow.table({"prompt": ["a", None]}), tmp_path / "a.parquet")
    assert [reason[:7] for reason in reasons(tmp_path / "a.parquet")] == ["row 2: "]


def test_parquet_cell_without_a_value_of_python_is_one_invalid_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    offsets, data = pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"a\xff")
    texts = pyarrow.Array.from_buffers(pyarrow.string(), 2, [None, offsets, data])
    parquet.write_table(pyarrow.table({"prompt": texts}), path)
    assert lines(path)[0] == (1, {"prompt": "a"})
    assert reasons(path)[0].startswith("row 2: its prompt cannot be read: 'utf-8' codec can't decode byte 0xff")
    # The year 26,610.
    days = pyarrow.array([0, 9_000_000], pyarrow.date32())
    parquet.write_table(pyarrow.table({"prompt": ["a", "b"], "day": days}), path)
    assert lines(path, required=("day",))[1] == (2, Unreadable("its day cannot be read: date value out of range"))
    # Of a column that makes no request, nothing is read.
    assert lines(path) == [(1, {"prompt": "a"}), (2, {"prompt": "b"})]


def test_template_of_the_prompt_alone_counts_as_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "custom_id,prompt,model\nx,,m\n")
    assert lines(path, required=("prompt",)) == [(2, {"custom_id": "x", "prompt": "", "model": "m"})]
    repeated = write(tmp_path / "b.csv", "prompt,model,model\nx,m,n\n")
    assert len(lines(repeated, required=("prompt",))) == 1


def test_line_that_does_not_end_takes_no_more_memory_than_a_long_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurous.batch.input_files.MAX_LINE", 20)
    text = '"a"\n"' + "b" * 18 + '"\n"' + "c" * 19 + '"\n"' + "d" * 50 + '"\n"e"\n"' + "f" * 50
    too_long = Unreadable("it is longer than 64 MiB")
    expected = [(1, "a"), (2, "b" * 18), (3, too_long), (4, too_long), (5, "e"), (6, too_long)]
    assert lines(write(tmp_path / "a.jsonl", text)) == expected

    class Endless(io.BytesIO):
        """A line without an end, of which no more may be taken at once."""

        def readline(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert 0 <= size <= 21
            return b"x" * size

    assert next(iter(InputFile(Endless()))) == Line(1, too_long)
    with pytest.raises(ConfigurationError, match=r"a\.csv is not a CSV file: it is longer than 64 MiB, line 2$"):
        lines(write(tmp_path / "a.csv", "prompt\n" + "x" * 50))


@pytest.mark.parametrize("size", [1, 4, 7, 64])
def test_line_of_a_pipe_that_does_not_end_is_not_kept(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("aurous.cli.batch._PIECE", size)
    for module in ("aurous.cli.batch", "aurous.batch.input_files"):
        monkeypatch.setattr(f"{module}.MAX_LINE", 20)
    kept: list[int] = []
    texts = [b'"a"', b'"' + b"b" * 18 + b'"', b'"' + b"c" * 19 + b'"', b'"' + b"d" * 5000 + b'"', b'"e"']
    too_long = Unreadable("it is longer than 64 MiB")

    def read_text(text: bytes) -> Any:
        kept.append(len(text))
        return read_json(text)

    async def read() -> list[Any]:
        output, entry = os.pipe()
        os.write(entry, b"\n".join(texts))
        os.close(entry)
        with open(output, "rb") as file:
            return [tuple(line)[:2] async for line in _read_pipe(InputFile(file))]

    monkeypatch.setattr("aurous.cli.batch.read_json", read_text)
    assert asyncio.run(read()) == [(1, "a"), (2, "b" * 18), (3, too_long), (4, too_long), (5, "e")]
    assert max(kept) <= 20 + 2 * size


def test_json_lines_keep_their_numbers_past_blank_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"prompt": "a"}\n\n  \nnonsense\n"b"')
    assert lines(path) == [(1, {"prompt": "a"}), (4, Unreadable("it is not JSON")), (5, "b")]


def test_json_lines_in_other_line_ends_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"prompt": "a"}\r\n{"prompt": "\xe2\x80\xa8"}\r\n')
    assert lines(path) == [(1, {"prompt": "a"}), (2, {"prompt": "\u2028"})]


def test_position_reaches_the_size_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '"a"\n"b"\n')
    with InputFile(path) as file:
        assert (file.position, file.size) == (0, 8)
        next(iter(file))
        assert file.position == 4
        list(file)
        assert file.position == 8


def test_csv_rows_are_requests(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '\ufeffcustom_id,prompt,note\nx,"Why,\nor not?",n\n\ny,How?,\n')
    assert lines(path) == [
        (2, {"custom_id": "x", "prompt": "Why,\nor not?"}),
        (4, {"custom_id": "y", "prompt": "How?"}),
    ]


def test_csv_rows_for_a_template_keep_all_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,to\ncat,French\n")
    assert lines(path, required=("text", "to")) == [(2, {"text": "cat", "to": "French"})]


def test_csv_row_of_another_length_is_one_unreadable_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "prompt,to\na,b\nc\nd,e\n")
    assert [type(value) for _, value in lines(path)] == [dict, Unreadable, dict]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "\nprompt\nWhy?\n", "the first row of .*a.csv is blank; it must name the columns"),
        ("a.csv", " ,\nprompt\nWhy?\n", "the first row of .*a.csv is blank; it must name the columns"),
        ("a.csv", "text,to\ncat,French\n", "no column prompt; its columns are text, to"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0", "not a CSV file"),
        ("a.csv", b"\xff\xfep\0r\0", "not a CSV file"),
        ("a.jsonl", b"\x1f\x8b\x08\0\0", "not a file of JSON lines, but binary"),
        ("a.jsonl", b"PAR1" + b"x" * 40, "not a file of JSON lines, but binary"),
        ("a.parquet", b"nonsense", "not a Parquet file"),
    ],
)
def test_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: Any, expected: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(ConfigurationError, match=expected):
        lines(path)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("names", "required"),
    [
        (["prompt", "prompt"], ()),
        (["prompt", "model", "model"], ()),
        (["prompt", "custom_id", "custom_id"], ()),
        (["text", "text"], ("text",)),
        (["text", "custom_id", "custom_id"], ("text",)),
    ],
)
def test_columns_with_one_name_are_refused_where_it_is_used(
    tmp_path: Path, kind: str, names: list[str], required: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError, match=f"has more than one column {names[-1]}; rename all of them but"):
        lines(write_table(tmp_path / f"a.{kind}", names), required=required)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_with_one_name_that_are_not_sent_do_no_harm(tmp_path: Path, kind: str) -> None:
    ((_, request),) = lines(write_table(tmp_path / f"a.{kind}", ["prompt", "note", "note"]))
    assert request == {"prompt": "cell 0"}


def write_table(path: Path, names: list[str]) -> Path:
    """A table with these columns and one row."""
    cells = [f"cell {number}" for number in range(len(names))]
    if path.suffix == ".csv":
        return write(path, f"{','.join(names)}\n{','.join(cells)}\n")
    parquet.write_table(pyarrow.table([pyarrow.array([cell]) for cell in cells], names=names), path)
    return path


def test_missing_file_and_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read .*nothing.jsonl: No such file"):
        lines(tmp_path / "nothing.jsonl")
    with pytest.raises(ConfigurationError, match=r"cannot read .*: Is a directory"):
        lines(tmp_path)


def test_parquet_rows_are_requests(tmp_path: Path) -> None:
    table = pyarrow.table({"prompt": ["a", "b", None], "custom_id": ["x", "y", "z"], "n": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "a.parquet")
    with InputFile(tmp_path / "a.parquet") as file:
        assert file.size == 3
        assert [line.value for line in file] == [
            {"custom_id": "x", "prompt": "a"},
            {"custom_id": "y", "prompt": "b"},
            {"custom_id": "z"},
        ]
        assert file.position == 3


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurous._optional._has_spec", lambda module: module != "pyarrow")
    monkeypatch.delitem(sys.modules, "pyarrow", raising=False)
    with pytest.raises(ConfigurationError, match=r'pip install "aurous-labs\[parquet\]"'):
        lines(write(tmp_path / "a.parquet", b"PAR1"))


def test_file_in_memory_has_no_known_size() -> None:
    with InputFile(io.BytesIO(b'"a"\n')) as file:
        assert (file.size, file.is_pipe) == (None, False)
        assert list(file) == [Line(1, "a")]


@pytest.fixture
def pipe(request: pytest.FixtureRequest) -> Iterator[IO[bytes]]:
    """A pipe with the content of the parameter."""
    output, entry = os.pipe()
    os.write(entry, request.param)
    os.close(entry)
    with open(output, "rb") as file:
        yield file


BINARY = ['"a"\n'.encode("utf-16"), b"\x1f\x8b\x08\n", b"PAR1\n"]


@pytest.mark.parametrize("pipe", [*BINARY, b'"a"\n\0\n'], indirect=True)
def test_binary_pipe_is_refused_where_it_is_read(pipe: IO[bytes]) -> None:
    with pytest.raises(ConfigurationError, match=r"^standard input is not a file of JSON lines, but binary"):
        list(InputFile(pipe))


@pytest.mark.parametrize("pipe", BINARY, indirect=True)
def test_binary_pipe_is_refused_by_a_batch(kind: str, mock: Mock, pipe: IO[bytes]) -> None:
    ended = run_batch(kind, InputFile(pipe), url=mock.url)
    assert isinstance(ended.error, ConfigurationError)
    assert (ended.results, mock.ledger()) == ([], [])


class BrokenDisk(io.BytesIO):
    """A file whose second line cannot be read."""

    def readline(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readline(size)


@pytest.mark.parametrize(("kind", "content"), [("jsonl", b'"a"\n"b"\n'), ("csv", b"prompt\na\nb\n")])
def test_input_that_cannot_be_read_to_its_end_is_named(kind: Any, content: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^cannot read standard input to its end: Input/output error$"):
        list(InputFile(BrokenDisk(content), format=kind))
