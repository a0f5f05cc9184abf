"""The absent value, the base class of all generated models, what can be uploaded, and the timeouts of a call."""

from __future__ import annotations

import enum
from os import PathLike
from typing import IO, Any, Final, Literal, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


class Unset(enum.Enum):
    """The type of `UNSET`, the value of a member that is not there. False in a condition; one object, even unpickled."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


class JsonObject:
    """The base of every generated model. A model read from a response can carry what it came with."""

    __slots__ = ("_origin",)

    _origin: Any

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        raise TypeError(f"{type(self).__name__} is no generated model")


FileContent: TypeAlias = bytes | IO[bytes] | PathLike[str]
"""The content of a file: its bytes, a file opened in binary mode, or a path as `pathlib.Path`."""

FileInput: TypeAlias = FileContent | tuple[str, FileContent] | tuple[str, FileContent, str]
"""A file to upload: its content, `(name, content)` or `(name, content, media_type)`.

A path and an open file have a name of their own; bytes are called `upload` unless they are given one. Without a media
type, the ending of the name tells it. Everything is read when the request is built, so that a retry sends the same.
"""


class Timeouts(Protocol):
    """Timeouts in seconds for the parts of a call, as a caller defines them: those of `aurous`, for one."""

    @property
    def connect(self) -> float: ...

    @property
    def read(self) -> float: ...

    @property
    def write(self) -> float: ...

    @property
    def total(self) -> float: ...


class ListResult(list[T]):
    """A list that is the result of a call, and can carry what it came with. Equal to a plain list; pickled as one."""

    _origin: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class TextResult(str):
    """Text that is the result of a call. Equal to a plain string; pickled as one."""

    _origin: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


class BytesResult(bytes):
    """Bytes that are the result of a call. Equal to plain bytes; pickled as such."""

    _origin: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return bytes, (bytes(self),)


__all__ = [
    "UNSET",
    "BytesResult",
    "FileContent",
    "FileInput",
    "JsonObject",
    "ListResult",
    "TextResult",
    "Timeouts",
    "Unset",
]
