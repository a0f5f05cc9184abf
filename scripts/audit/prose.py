"""What descriptions state in words: lengths of fields, and error codes with their status."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .facts import Fact, Field

_RANGE = r"(?P<low>\d+)\s*(?:[-\u2013\u2014]|to)\s*(?P<high>\d+)"
_UP_TO = r"(?:up to|at most|max(?:imum)?(?: of)?|\u2264|<=)\s*(?P<most>\d+)"
_EXACTLY = r"exactly (?P<exact>\d+)"
_AMOUNT = rf"(?:{_RANGE}|{_UP_TO}|{_EXACTLY})"
_LENGTHS = {
    "array": ("minItems", "maxItems", re.compile(rf"{_AMOUNT}\s+(?!char|byte|token|second|hour)[a-z]+", re.IGNORECASE)),
    "string": ("minLength", "maxLength", re.compile(rf"{_AMOUNT}\s+char(?:acter)?s?\b", re.IGNORECASE)),
}
_CODE = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+"
_CODES = re.compile(rf"\b(?P<status>[45]\d\d)\s+(?P<codes>{_CODE}(?:\s*(?:/|,|or)\s*{_CODE})*)")


def length(field: Field, keyword: str) -> Fact | None:
    """A length that the description of a field states for a keyword such as `maxItems`; None if it states none."""
    for kind, (low, high, pattern) in _LENGTHS.items():
        if keyword not in (low, high) or (field.types and kind not in field.types):
            continue
        for line in field.prose:
            for match in pattern.finditer(line.value):
                number = match["exact"] or (match["low"] if keyword == low else match["high"] or match["most"])
                if number is not None:
                    return Fact(int(number), line=line.line)
    return None


def error_codes(lines: list[Fact]) -> Iterator[tuple[str, Fact]]:
    """Every error code that lines of prose name with its status: the status, and the code as a fact."""
    for line in lines:
        for match in _CODES.finditer(line.value):
            for code in re.findall(_CODE, match["codes"]):
                yield match["status"], Fact(code, line=line.line)
