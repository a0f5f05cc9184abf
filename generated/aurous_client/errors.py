"""The exceptions of the generated client.

    ClientError
    ├── EncodeError          an argument that cannot be sent: not JSON, or not a header
    ├── TransportError       no response: connection, timeout, a truncated body
    ├── StatusError          a response whose status is not a success
    └── ParseError           a success whose body does not match the spec; `.pointer` says where

All of them can be pickled, and none holds the key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .types import UNSET

if TYPE_CHECKING:
    from .models import ErrorEnvelope

Path = tuple[str | int, ...]


class ClientError(Exception):
    """The base of all errors of this package."""


class EncodeError(ClientError, ValueError):
    """An argument cannot be sent. Raised before anything is."""


class TransportError(ClientError):
    """There was no response, or only part of one. `__cause__` is the HTTP library's exception."""


class ParseError(ClientError, ValueError):
    """A value that does not match the spec."""

    def __init__(self, expected: str, value: object, path: Path = (), *, is_tag: bool = False) -> None:
        self.expected = expected
        """What the spec requires."""
        self.actual = _describe(value)
        """What was there instead: its JSON type, and the value itself where that is short and harmless."""
        self.path = path
        """The steps from the document's root to the error: names of members and indices."""
        self.is_tag = is_tag
        super().__init__(expected, self.actual, path)

    @property
    def pointer(self) -> str:
        """The path as one writes it: `choices[0].message.content`."""
        written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return written.removeprefix(".")

    def __str__(self) -> str:
        where = f"{self.pointer}: " if self.path else ""
        return f"{where}expected {self.expected}, found {self.actual}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_parse_error, (self.expected, self.actual, self.path, self.is_tag)

    def within(self, step: str | int) -> ParseError:
        """The same error, one level further up."""
        return _restore_parse_error(self.expected, self.actual, (step, *self.path), self.is_tag)

    @staticmethod
    def of_union(faults: Sequence[ParseError]) -> ParseError:
        """The most specific error of the alternatives that did not fit."""
        depth = max(len(fault.path) for fault in faults)
        deepest = [fault for fault in faults if len(fault.path) == depth]
        # A wrong tag only says that another alternative was meant.
        deepest = [fault for fault in deepest if not fault.is_tag] or deepest
        first = deepest[0]
        alike = [fault.expected for fault in deepest if fault.path == first.path]
        return _restore_parse_error(" or ".join(dict.fromkeys(alike)), first.actual, first.path, first.is_tag)


class StatusError(ClientError):
    """A response whose status is not a success."""

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        super().__init__(status_code, headers, content)

    @property
    def envelope(self) -> ErrorEnvelope | None:
        """The error envelope, or None where the body is not one."""
        from .models import ErrorEnvelope

        try:
            return ErrorEnvelope.from_dict(json.loads(self.content))
        except (ValueError, RecursionError):
            return None

    def __str__(self) -> str:
        try:
            error = json.loads(self.content)["error"]
            return f"HTTP {self.status_code} {error['code']}: {error['message']}"
        except (ValueError, TypeError, KeyError, RecursionError):
            return f"HTTP {self.status_code}"


def _restore_parse_error(expected: str, actual: str, path: Path, is_tag: bool) -> ParseError:
    fault = ParseError(expected, UNSET, path, is_tag=is_tag)
    fault.actual = actual
    fault.args = (expected, actual, path)
    return fault


def _describe(value: object) -> str:
    if value is UNSET:
        return "nothing"
    if value is None:
        return "null"
    if isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 10**20):
        return json.dumps(value)
    if isinstance(value, int):
        return "a very large number"
    if isinstance(value, str):
        return f"the string {json.dumps(value)}" if len(value) <= 40 else f"a string of {len(value)} characters"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"an array of {len(value)}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes of something else" if value else "an empty body"
    return f"a {type(value).__name__}"
