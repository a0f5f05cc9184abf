"""The API key, kept so that it appears in no repr, log, pickle or traceback."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Final, NoReturn, TypeVar
from weakref import WeakValueDictionary

TextT = TypeVar("TextT", str, bytes)

MASK: Final = "[secret]"
# A shorter key can be a part of other words, which are left as they are.
_MIN_UNIQUE_LENGTH: Final = 12
# How many bytes of a body are searched at once.
_WINDOW: Final = 2**18
# These log what a server sent: headers, and lines that are not HTTP.
_LOGGERS: Final = (
    *("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy"),
    *("aiohttp.client", "aiohttp.internal", "asyncio"),
)


class Secret:
    """A key that is shown only by `reveal()`. The HTTP libraries' logs are redacted while it exists."""

    wrong_type: str | None = None
    """The name of its type, if what was given as a key is no str. It is not kept."""

    def __init__(self, value: str) -> None:
        self._value = value
        self._lower = value.lower()
        if value:
            _FILTER.add(self)

    def reveal(self) -> str:
        return self._value

    def redact(self, text: TextT) -> TextT:
        """The text or bytes with the key replaced: also in another case, in JSON's escapes, or percent-encoded."""
        if not self._value:
            return text
        # The patterns take much longer than these checks.
        if isinstance(text, bytes):
            return self._byte_pattern.sub(MASK.encode(), text) if self._may_be_in(text) else text
        return self._pattern.sub(MASK, text) if self._lower in text.lower() or "\\u" in text or "%" in text else text

    def is_in(self, texts: Iterable[str]) -> bool:
        """Whether one of the texts contains the key."""
        joined = "\n".join(texts)
        return self.redact(joined) != joined

    def _may_be_in(self, content: bytes) -> bool:
        """Whether a body may contain the key; without a copy of it, since bodies can be large."""
        if b"\\u" in content or b"%" in content:
            return True
        key = self._lower.encode()
        size = _WINDOW + len(key)
        return any(key in content[start : start + size].lower() for start in range(0, len(content), _WINDOW))

    @cached_property
    def _byte_pattern(self) -> re.Pattern[bytes]:
        return re.compile(self._pattern.pattern.encode(), re.IGNORECASE)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pattern = "".join(rf"(?:{re.escape(letter)}|\\u{ord(letter):04x}|%{ord(letter):02x})" for letter in self._value)
        if len(self._value) < _MIN_UNIQUE_LENGTH:
            pattern = rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_])"
        return re.compile(pattern, re.IGNORECASE)

    def is_sendable(self) -> bool:
        """Whether a header can carry it."""
        return self._value.isascii() and self._value.isprintable() and " " not in self._value

    @classmethod
    def of(cls, value: object) -> Secret | None:
        """The key as given, without the white space that files and variables end with; None for None."""
        if value is None or isinstance(value, Secret):
            return value
        if isinstance(value, str):
            return cls(value.strip())
        # Raised by those who check the options: here, the caller's frame still has the value among its variables.
        invalid = cls("")
        invalid.wrong_type = type(value).__name__
        return invalid

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


class _RedactingFilter(logging.Filter):
    """Redacts all secrets that exist from the records of a logger."""

    def __init__(self) -> None:
        super().__init__()
        # Not a set: clients with the same key have secrets of their own.
        self._secrets = WeakValueDictionary[int, Secret]()
        self._is_installed = False

    def add(self, secret: Secret) -> None:
        self._secrets[id(secret)] = secret
        if not self._is_installed:
            self._is_installed = True
            for name in _LOGGERS:
                logging.getLogger(name).addFilter(self)

    def redact(self, text: str) -> str:
        for secret in list(self._secrets.values()):
            text = secret.redact(text)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = self.redact(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True


_FILTER: Final = _RedactingFilter()


def redact_all(text: str) -> str:
    """The text with the key of every client that exists replaced, as in `Secret.redact`."""
    return _FILTER.redact(text)
