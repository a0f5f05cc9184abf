"""The API key, kept so that it appears in no repr, log, pickle or traceback."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, TypeVar

TextT = TypeVar("TextT", str, bytes)


class Secret:
    """A key that is shown only by `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def redact(self, text: TextT) -> TextT:
        """The text or bytes with the key replaced."""
        if isinstance(text, bytes):
            return text.replace(self._value.encode(), b"[secret]")
        return text.replace(self._value, "[secret]")

    def is_in(self, texts: Iterable[str]) -> bool:
        """Whether one of the texts contains the key."""
        return any(self._value in text for text in texts)

    def is_sendable(self) -> bool:
        """Whether a header can carry it."""
        return self._value.isascii() and self._value.isprintable() and " " not in self._value

    @classmethod
    def of(cls, value: object) -> Secret | None:
        """The key as given, without the white space that files and variables end with; None for None."""
        if value is None or isinstance(value, Secret):
            return value
        return cls(value.strip() if isinstance(value, str) else "")

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        prefix = "al_live_" if self._value.startswith("al_live_") else ""
        tail = self._value[-4:] if len(self._value) >= 24 else ""
        return f"{prefix}...{tail}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key cannot be pickled; set the environment variable in the other process")
