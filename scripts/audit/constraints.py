"""Parses the lines of a page that constrain a field: ranges, lengths, patterns, options, examples."""

from __future__ import annotations

import json
import re
from typing import Any

from .facts import Fact, Field

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(
    rf"Required range:\s*(?:(?P<low>{_NUMBER})\s*(?P<lower><=?)\s*)?x(?:\s*(?P<sign>[<>]=?)\s*(?P<bound>{_NUMBER}))?"
)
_LENGTH = re.compile(
    r"(?P<which>Minimum|Maximum|Required) (?P<what>string|array) length:"
    r"\s*(?P<first>\d+)(?:\s*-\s*(?P<last>\d+))?(?: elements?)?"
)
_LENGTHS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}
_SIGNS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}
_LOWER = {"<=": "minimum", "<": "exclusiveMinimum"}


def read(field: Field, lines: list[str], index: int, end: int) -> int:
    """Read the line at `index` into the field; returns the line to continue from."""
    text, line = lines[index].strip(), index + 1
    if matched := _RANGE.fullmatch(text):
        _range(field, matched, line)
    elif matched := _LENGTH.fullmatch(text):
        _length(field, matched, line)
    elif text.startswith("Pattern:"):
        field.facts["pattern"] = Fact(text.removeprefix("Pattern:").strip(), line=line)
    elif text.startswith("Available options:"):
        return _options(field, lines, index, end)
    elif text.startswith(("Example:", "Examples:")):
        return _example(field, lines, index, end)
    elif text:
        field.prose.append(Fact(text, line=line))
    return index + 1


def value(text: str) -> Any:
    """A printed value: JSON, or bare text."""
    text = text.strip()
    try:
        return json.loads(text)
    except ValueError:
        return text


def _range(field: Field, matched: re.Match[str], line: int) -> None:
    if matched["low"] is not None:
        field.facts[_LOWER[matched["lower"]]] = Fact(_number(matched["low"]), line=line)
    if matched["bound"] is not None:
        field.facts[_SIGNS[matched["sign"]]] = Fact(_number(matched["bound"]), line=line)


def _length(field: Field, matched: re.Match[str], line: int) -> None:
    low, high = _LENGTHS[matched["what"]]
    first, last = int(matched["first"]), matched["last"]
    if matched["which"] == "Maximum":
        field.facts[high] = Fact(first, line=line)
        return
    field.facts[low] = Fact(first, line=line)
    if matched["which"] == "Required":
        field.facts[high] = Fact(int(last) if last else first, line=line)


def _options(field: Field, lines: list[str], index: int, end: int) -> int:
    """Values on this line or the following ones, each but the last with a comma."""
    line = index + 1
    listed: list[Any] = []
    rest = lines[index].strip().removeprefix("Available options:").strip()
    while True:
        listed += [value(part) for part in rest.split(",") if part.strip()]
        if listed and not rest.endswith(","):
            break
        index += 1
        while index < end and not lines[index].strip() and (rest.endswith(",") or not listed):
            index += 1
        if index >= end:
            break
        rest = lines[index].strip()
    field.facts["enum"] = Fact(listed, line=line)
    return index + 1


def _example(field: Field, lines: list[str], index: int, end: int) -> int:
    """The value on this line or after blank lines; one in brackets may span many lines."""
    rest = lines[index].strip().partition(":")[2].strip()
    while not rest and index + 1 < end:
        index += 1
        rest = lines[index].strip()
    start = index
    if rest[:1] in ("{", "["):
        text = rest
        while index + 1 < end and not _is_json(text):
            index += 1
            text += "\n" + lines[index]
        if not _is_json(text):
            return start + 1
        rest = text
    if rest:
        field.examples.append(Fact(value(rest), line=start + 1))
    return index + 1


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number
