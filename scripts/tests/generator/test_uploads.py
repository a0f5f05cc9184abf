"""Uploads: what can stand for a file in a form, and the name and media type that each is sent with."""

from __future__ import annotations

import io
from email import message_from_bytes
from pathlib import Path
from typing import IO, Any

import pytest
from aurous.types import FileInput
from aurous_client.encoding import to_query
from aurous_client.errors import EncodeError
from aurous_client.files import to_content, to_form, to_multipart

PNG = b"\x89PNG\r\n\x1a\n"


def sent(body: dict[str, Any]) -> list[tuple[str | None, str | None, bytes]]:
    """(file name, media type, content) of every part of a form whose member `file` is a file."""
    content, content_type = to_multipart(body, {"file"})
    form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    parts = [part for part in form.walk() if not part.is_multipart()]
    return [(part.get_filename(), part["content-type"], bytes(part.get_payload(decode=True))) for part in parts]


def forms(path: Path, file: IO[bytes]) -> dict[str, tuple[FileInput, str, str]]:
    """What can be given, and the file name and media type that follow. file: that of the path, open"""
    return {
        "a path": (path, "cat.png", "image/png"),
        "bytes": (PNG, "upload", "application/octet-stream"),
        "an open file": (file, "cat.png", "image/png"),
        "a buffer": (io.BytesIO(PNG), "upload", "application/octet-stream"),
        "bytes with a name": (("dog.webp", PNG), "dog.webp", "image/webp"),
        "a path with another name": (("dog.webp", path), "dog.webp", "image/webp"),
        "a name and a media type": (("dog", PNG, "image/png"), "dog", "image/png"),
        "a buffer with both": (("dog", io.BytesIO(PNG), "image/x"), "dog", "image/x"),
    }


@pytest.mark.parametrize("kind", forms(Path(), io.BytesIO()))
def test_file_is_sent_with_its_name_and_media_type(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    with path.open("rb") as file:
        given, name, media_type = forms(path, file)[kind]
        assert sent({"file": given}) == [(name, media_type, PNG)]


def test_list_of_files_is_sent_in_as_many_parts() -> None:
    given = (b"one", ("two.png", b"two"), ("three", b"three", "image/x"))
    expected = [
        ("upload", "application/octet-stream", b"one"),
        ("two.png", "image/png", b"two"),
        ("three", "image/x", b"three"),
    ]
    assert sent({"file": given}) == sent({"file": list(given)}) == expected


def test_list_of_texts_is_no_named_file() -> None:
    assert sent({"tags": ("a", "b", "c")}) == [(None, None, b"a"), (None, None, b"b"), (None, None, b"c")]


def test_body_that_is_one_file_takes_the_same_forms(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    with path.open("rb") as file:
        given = [each for each, _, _ in forms(path, file).values() if each is not file]
        assert [to_content(each) for each in [*given, file]] == [PNG] * (len(given) + 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("cat.png", "file: expected bytes, a path or a file opened in binary mode, not str; for a path give a pathlib"),
        (("cat.png", "meow"), "file: expected bytes, a path or a file opened in binary mode, not str"),
        (7, "file: expected bytes, a path or a file opened in binary mode, not int"),
        (io.StringIO("text"), "file: expected a file opened in binary mode; reading this StringIO gives text"),
        (Path("none") / "cat.png", "file: none/cat.png cannot be read: No such file or directory"),
    ],
    ids=["text", "texts", "number", "text file", "missing file"],
)
def test_what_is_no_file_is_refused_with_its_place(given: Any, message: str) -> None:
    with pytest.raises(EncodeError) as caught:
        to_multipart({"file": given}, {"file"})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("is_named", [False, True], ids=["open file", "named file"])
def test_file_opened_as_text_is_refused_as_such_whatever_its_encoding(is_named: bool, tmp_path: Path) -> None:
    path = tmp_path / "utf16.txt"
    path.write_bytes("meow".encode("utf-16"))
    with path.open(encoding="utf-8") as file:
        given: Any = ("cat.txt", file) if is_named else file
        with pytest.raises(
            EncodeError, match="file: expected a file opened in binary mode; reading this TextIOWrapper"
        ):
            to_multipart({"file": given}, {"file"})


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with (
        (tmp_path / "written").open("wb") as file,
        pytest.raises(EncodeError, match="body: this BufferedWriter cannot be read: read"),
    ):
        to_content(file)
    closed = io.BytesIO(PNG)
    closed.close()
    with pytest.raises(EncodeError, match="body: this BytesIO cannot be read: I/O operation on closed file"):
        to_content(closed)
    with pytest.raises(EncodeError, match="cannot be read: embedded null byte"):
        to_content(Path("cat\0.png"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"file": ("cat\udcff.png", PNG)}, "file: the name of the file holds a lone surrogate"),
        (
            {"file": ("cat.png", PNG, "image/png\r\nX-Evil: 1")},
            "Content-Type: a header must be a string of printable ASCII",
        ),
        ({"file": ("cat.png", PNG, 7)}, "Content-Type: a header must be a string of printable ASCII"),
        ({"\ud800": "text"}, r"'\ud800' cannot be the name of a member"),
        ({7: "text"}, "7 cannot be the name of a member"),
    ],
    ids=["file name", "line end in a media type", "number as media type", "surrogate in a name", "number as name"],
)
def test_name_or_media_type_that_cannot_be_sent_is_refused(body: dict[Any, Any], message: str) -> None:
    with pytest.raises(EncodeError) as caught:
        to_multipart(body, {"file"})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["\ud800", 7])
def test_name_in_a_form_or_query_that_cannot_be_sent_is_refused(name: Any) -> None:
    with pytest.raises(EncodeError, match="cannot be the name of a member"):
        to_form({name: "text"})
    with pytest.raises(EncodeError, match="cannot be the name of a parameter"):
        to_query({name: "text"})
