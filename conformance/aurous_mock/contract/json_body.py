"""Parses JSON from outside within bounds: on the number of values, checked before anything is parsed, and on depth."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from aurous_mock.contract.validation import dotted
from aurous_mock.errors import APIError

MAX_DEPTH: Final = 100
# Each object, array, member and item takes tens of bytes of memory, however short its text. These bounds keep a body of
# any size below 50 MB and eight times its size. They count characters outside of strings.
MAX_CONTAINERS: Final = 100_000
MAX_MEMBERS: Final = 200_000
MAX_ITEMS: Final = 300_000
_BOUNDS: Final = ((b"{[", MAX_CONTAINERS), (b":", MAX_MEMBERS), (b",", MAX_ITEMS))
# Other threads get their turn between blocks.
_BLOCK: Final = 64 * 1024


def parse(raw: bytes) -> Any:
    """The JSON value of a body. Raises APIError if it is not JSON, too large, or has a NUL in a string."""
    _check_bounds(raw)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise APIError("invalid_format", f"The request body is not valid JSON: {error}.") from error
    # Walk the value only if it has enough brackets to be too deep, or an escaped NUL.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise APIError("invalid_format", f"The request body is nested deeper than {MAX_DEPTH} levels.")
    if b"\\u0000" in raw and (path := _find_nul(body)) is not None:
        raise APIError("invalid_format", "Strings must not contain NUL characters.", param=path or None)
    return body


def _check_bounds(raw: bytes) -> None:
    """Raise APIError if there is more structure than the bounds allow."""
    # Counting with the strings is much faster, and enough for nearly all bodies.
    suspects = [(marks, bound) for marks, bound in _BOUNDS if _count(raw, marks) > bound]
    counts = dict.fromkeys((marks for marks, _ in suspects), 0)
    for structure in outside_strings(raw) if suspects else ():
        for marks, bound in suspects:
            counts[marks] += _count(structure, marks)
            if counts[marks] > bound:
                message = f"The request body has more than {bound} of {marks.decode()!r} outside of strings."
                raise APIError("request_too_large", message)


def _count(data: bytes, marks: bytes) -> int:
    return sum(data.count(mark) for mark in marks)


def outside_strings(raw: bytes) -> Iterator[bytes]:
    """The text of a JSON document without its strings, block by block."""
    start, is_in_string = 0, False
    while start < len(raw):
        block = raw[start : start + _BLOCK]
        if (len(block) - len(block.rstrip(b"\\"))) % 2:
            # Its last backslash escapes the next character.
            block = raw[start : start + _BLOCK + 1]
        start += len(block)
        parts = block.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        yield b"".join(parts[is_in_string::2])
        is_in_string ^= len(parts) % 2 == 0


def _depth(value: Any) -> int:
    deepest, pending = 0, [(value, 1)]
    while pending:
        node, level = pending.pop()
        deepest = max(deepest, level)
        if isinstance(node, dict | list):
            pending += [(child, level + 1) for child in (node.values() if isinstance(node, dict) else node)]
    return deepest


def _find_nul(value: Any) -> str | None:
    """The path of the first string, or member name, with a NUL in it."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, str) and "\0" in node:
            return dotted(path)
        if isinstance(node, dict):
            if any("\0" in name for name in node):
                return dotted(path)
            pending += [((*path, name), child) for name, child in node.items()]
        elif isinstance(node, list):
            pending += [((*path, index), child) for index, child in enumerate(node)]
    return None
