"""Bodies that are not JSON: files, multipart forms and URL-encoded forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import urlencode

from .encoding import encode, to_json, to_query
from .errors import EncodeError
from .types import UNSET, JsonObject


@dataclass(frozen=True)
class File:
    """A file to upload, with the name and the media type that the server is to see.

    Without a media type, the ending of the name tells it, as that of a path and of an open file does.
    """

    content: bytes | IO[bytes] = field(repr=False)
    name: str = "upload"
    media_type: str | None = None


FileInput: TypeAlias = bytes | IO[bytes] | PathLike[str] | File
"""What can be uploaded. A path or an open file is read when the request is built, so that a retry sends the same."""

_Part: TypeAlias = tuple[str | None, bytes, str | None]


def to_content(value: Any) -> bytes:
    """The bytes of a body that is one file. Raises EncodeError for what is no file, or cannot be read."""
    return _file_part("body", value)[1]


def to_text(value: Any) -> bytes:
    """A body that is text, in UTF-8. Raises EncodeError for what is no text."""
    if not isinstance(value, str):
        raise EncodeError(f"body: expected text, not {type(value).__name__}")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise EncodeError("body: it holds a lone surrogate, which UTF-8 cannot carry") from None


def to_form(body: Any) -> bytes:
    """A form, URL-encoded. Raises EncodeError for a member that is neither a scalar nor a list of them."""
    return urlencode(to_query(_members(body))).encode()


def to_multipart(body: Any) -> tuple[bytes, str]:
    """A form with files: (the body, its content type). Objects and lists of them are sent as JSON.

    Raises EncodeError for what cannot be sent.
    """
    # Imported here because it is slow to load and few requests need it.
    import httpx

    parts: list[tuple[str, _Part]] = []
    for name, value in _members(body).items():
        many = value if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)) else [value]
        parts += [(name, _part(name, element)) for element in many if element is not UNSET and element is not None]
    if not parts:
        raise EncodeError("body: a form needs at least one member")
    request = httpx.Request("POST", "http://localhost", files=parts)
    return request.read(), request.headers["Content-Type"]


def _members(body: Any) -> Mapping[str, Any]:
    if isinstance(body, JsonObject):
        return body.to_dict()
    if not isinstance(body, Mapping):
        raise EncodeError(f"body: expected the members of a form, not {type(body).__name__}")
    return body


def _part(name: str, value: Any) -> _Part:
    if isinstance(value, (bytes, bytearray, File, PathLike)) or hasattr(value, "read"):
        return _file_part(name, value)
    encoded = encode(value)
    if isinstance(encoded, (dict, list)):
        return None, to_json(encoded), "application/json"
    return None, to_query({name: value})[0][1].encode(), None


def _file_part(name: str, value: Any) -> _Part:
    file = value if isinstance(value, File) else None
    content = value if file is None else file.content
    if isinstance(content, PathLike):
        path = Path(content)
        try:
            return path.name, path.read_bytes(), _media_type(path.name)
        except OSError as error:
            raise EncodeError(f"{name}: {path} cannot be read: {error.strerror}") from error
    read = getattr(content, "read", None)
    if callable(read):
        content = read()
    if not isinstance(content, (bytes, bytearray)):
        raise EncodeError(f"{name}: expected bytes, a path or a file opened in binary mode, not {type(value).__name__}")
    file = file or File(b"", Path(str(getattr(value, "name", "upload"))).name)
    return file.name, bytes(content), file.media_type or _media_type(file.name)


def _media_type(name: str) -> str:
    # Imported here because it is slow to load and few requests need it.
    import mimetypes

    # What is not strict includes image/webp before Python 3.13.
    media_type, compression = mimetypes.guess_type(name, strict=False)
    return media_type if media_type is not None and compression is None else "application/octet-stream"


__all__ = ["File", "FileInput", "to_content", "to_form", "to_multipart", "to_text"]
