"""Bodies that are not JSON: files, multipart forms and URL-encoded forms."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from .encoding import encode, is_utf8, to_headers, to_json, to_query
from .errors import EncodeError
from .types import UNSET, JsonObject

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


def to_multipart(body: Any, files: Container[str] = ()) -> tuple[bytes, str]:
    """A form with files: (the body, its content type). Objects and lists of them are sent as JSON.

    files: the names of the members that are files, or lists of them

    Raises EncodeError for what cannot be sent.
    """
    # Imported here because it is slow to load and few requests need it.
    import httpx

    parts: list[tuple[str, _Part]] = []
    for name, value in _members(body).items():
        encode_part = _file_part if name in files else _part
        parts += [(name, encode_part(name, element)) for element in _elements(value)]
    if not parts:
        raise EncodeError("body: a form needs at least one member")
    request = httpx.Request("POST", "http://localhost", files=parts)
    return request.read(), request.headers["Content-Type"]


def _members(body: Any) -> Mapping[str, Any]:
    body = body.to_dict() if isinstance(body, JsonObject) else body
    if not isinstance(body, Mapping):
        raise EncodeError(f"body: expected the members of a form, not {type(body).__name__}")
    for name in body:
        if not isinstance(name, str) or not is_utf8(name):
            raise EncodeError(f"{name!r} cannot be the name of a member")
    return body


def _elements(value: Any) -> list[Any]:
    """The values that a member is sent with, one part each."""
    is_one = not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)) or _is_named_file(value)
    return [element for element in ([value] if is_one else value) if element is not UNSET and element is not None]


def _is_content(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray, PathLike)) or callable(getattr(value, "read", None))


def _is_named_file(value: Any) -> bool:
    """Whether a value is `(name, content)` or `(name, content, media_type)`."""
    is_pair = isinstance(value, tuple) and len(value) in (2, 3) and isinstance(value[0], str)
    return is_pair and _is_content(value[1])


def _part(name: str, value: Any) -> _Part:
    if _is_content(value) or _is_named_file(value):
        return _file_part(name, value)
    encoded = encode(value)
    if isinstance(encoded, (dict, list)):
        return None, to_json(encoded), "application/json"
    return None, to_query({name: value})[0][1].encode(), None


def _file_part(name: str, value: Any) -> _Part:
    file_name, content, *rest = value if _is_named_file(value) else (None, value)
    if not _is_content(content):
        hint = "; for a path give a pathlib.Path" if isinstance(content, str) else ""
        kind = type(content).__name__
        raise EncodeError(f"{name}: expected bytes, a path or a file opened in binary mode, not {kind}{hint}")
    file_name = file_name or _name_of(content)
    if not is_utf8(file_name):
        raise EncodeError(f"{name}: the name of the file holds a lone surrogate, which UTF-8 cannot carry")
    media_type = to_headers({"Content-Type": rest[0]}).get("Content-Type") if rest else None
    return file_name, _read(name, content), media_type or _media_type(file_name)


def _name_of(content: Any) -> str:
    return Path(content if isinstance(content, PathLike) else str(getattr(content, "name", "upload"))).name


def _read(name: str, content: Any) -> bytes:
    if isinstance(content, (bytes, bytearray)):
        return bytes(content)
    is_path, kind = isinstance(content, PathLike), type(content).__name__
    try:
        data = Path(content).read_bytes() if is_path else content.read()
    except UnicodeDecodeError:
        # Of a file that was opened as text, and is none in this encoding.
        data = None
    except (OSError, ValueError) as error:
        file, reason = Path(content) if is_path else f"this {kind}", getattr(error, "strerror", None) or error
        raise EncodeError(f"{name}: {file} cannot be read: {reason}") from error
    if not isinstance(data, (bytes, bytearray)):
        raise EncodeError(f"{name}: expected a file opened in binary mode; reading this {kind} gives text")
    return bytes(data)


def _media_type(name: str) -> str:
    # Imported here because it is slow to load and few requests need it.
    import mimetypes

    # What is not strict includes image/webp before Python 3.13.
    media_type, compression = mimetypes.guess_type(name, strict=False)
    return media_type if media_type is not None and compression is None else "application/octet-stream"


__all__ = ["to_content", "to_form", "to_multipart", "to_text"]
