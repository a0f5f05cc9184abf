"""Parses a saved reference page: plain text with one word or value to a line.

GET                      Headers                 Pattern: ^a
/                        Aurous-Version          Required range: 0 <= x <= 2
v1                       string                  Maximum string length: 128
/                        required                Available options:
models                   What it is for.         low,
curl --request GET ...   Example:                high
{ "object": ... }        "2026-05-15"
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import constraints
from .facts import Fact, Field

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SECTIONS = ("Authorizations", "Headers", "Path Parameters", "Query Parameters", "Body", "Response")
_TYPE = re.compile(
    r"(?P<base>string|number|integer|boolean|object|array|any|null|file|enum)(<(?P<inner>[\w-]+)>)?(?P<lists>(\[\])*)"
)
_MARKS = re.compile(r"(header|query|path|cookie|required|deprecated|default:.*)+")
_STATUS = re.compile(r"(\d{3})(?:\s*-\s*(\S+))?")


class PageError(Exception):
    """This text is not a reference page; the message is one line."""


@dataclass(frozen=True)
class Sample:
    """A JSON value that the page prints, with its text and first line."""

    value: Any
    text: str
    line: int


@dataclass
class Page:
    """A reference page."""

    name: str
    method: str
    path: str
    line: int
    sections: dict[str, list[Field]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    headers: list[Fact] = field(default_factory=list)
    request: Sample | None = None
    response: Sample | None = None
    status: str = "200"
    media_types: dict[str, Fact] = field(default_factory=dict)
    broken: list[Fact] = field(default_factory=list)
    base_url: Fact | None = None
    deprecated: bool = False
    prose: list[Fact] = field(default_factory=list)

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"


def read(path: Path) -> Page:
    """Read and parse a saved page. Raises PageError and OSError."""
    try:
        return parse(path.name, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise PageError(f"{path}: not UTF-8 text: {error.reason}") from None


def parse(name: str, text: str) -> Page:
    """Parse a saved text. Raises PageError."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    page = _heading(name, lines)
    starts = _section_starts(lines, page.line)
    first = min(starts.values(), default=len(lines))
    _read_samples(page, lines, page.line, first)
    ends = sorted([*starts.values(), len(lines)])
    for title, start in starts.items():
        page.lines[title] = start + 1
        end = next(end for end in ends if end > start)
        page.sections[title] = [*_fields(page, title, lines, start + 1, end)]
    page.prose += [line for fields in page.sections.values() for field in fields for line in field.prose]
    return page


def _heading(name: str, lines: list[str]) -> Page:
    for index, line in enumerate(lines):
        if line.strip() not in METHODS:
            continue
        following = [(at, text.strip()) for at, text in enumerate(lines) if at > index and text.strip()]
        path, after = "", index
        for at, text in following:
            is_step = text == "/" or (path.endswith("/") and re.fullmatch(r"[\w.{}:-]+", text))
            if not is_step and not (not path and re.fullmatch(r"/[\w./{}:-]+", text)):
                break
            path, after = path + text, at
        if path:
            return Page(name, line.strip(), path, after + 1)
    raise PageError(f"{name}: no method and path, so this is not a reference page")


def _section_starts(lines: list[str], after: int) -> dict[str, int]:
    """The index of the first line that is the title of each section."""
    starts: dict[str, int] = {}
    for index in range(after, len(lines)):
        title = lines[index].strip()
        if title in SECTIONS and title not in starts:
            starts[title] = index
    return starts


# ---------------------------------------------------------------- samples


def _prefix(path: str, operation: str) -> str:
    """What a sample's path has before the path of the operation."""
    shape = re.sub(r"\\{[^}]*\\}", r"[^/]+", re.escape(operation))
    match = re.search(rf"{shape}/?(?:\?|$)", path)
    return path[: match.start()] if match else ""


def _read_samples(page: Page, lines: list[str], start: int, end: int) -> None:
    index = start
    while index < end:
        text = lines[index].strip()
        if match := re.search(r"--header '([^':]+):", text):
            page.headers.append(Fact(match[1], line=index + 1))
        if match := re.search(r"--url ['\"]?(https?://[^/'\"\s]+)([^'\"\s]*)", text):
            page.base_url = Fact(match[1] + _prefix(match[2], page.path), line=index + 1)
        if text.lower() == "deprecated":
            page.deprecated = True
        if text.startswith("--data"):
            page.request, index = _json(page, lines, index, end)
            continue
        if text[:1] in ("{", "["):
            sample, index = _json(page, lines, index, end)
            page.response = page.response or sample
            continue
        index += 1


def _json(page: Page, lines: list[str], index: int, end: int) -> tuple[Sample | None, int]:
    """The JSON value that begins on this line or the next one with a bracket, and the line after it."""
    start = index
    while start < end and not re.search(r"[{\[]", lines[start]):
        start += 1
    text = "\n".join(lines[start:end])
    opening = re.search(r"[{\[]", text)
    if opening is None:
        return None, end
    padded = " " * opening.start() + text[opening.start() :]
    try:
        value, stop = json.JSONDecoder().raw_decode(padded, opening.start())
    except ValueError as error:
        page.broken.append(
            Fact(str(error).partition(":")[0], line=start + 1 + text[: getattr(error, "pos", 0)].count("\n"))
        )
        return None, end
    return Sample(value, padded[:stop], start + 1), start + padded[:stop].count("\n") + 1


# ---------------------------------------------------------------- fields


def _fields(page: Page, title: str, lines: list[str], start: int, end: int) -> Iterator[Field]:
    field: Field | None = None
    index = start
    while index < end:
        text = lines[index].strip()
        kind = _type(lines[index + 1].strip()) if index + 1 < end else None
        if text and kind is not None and _is_name(text):
            if field is not None:
                yield field
            field = Field(text, kind[0], line=index + 1, facts=kind[1](index + 2))
            index = _marks(field, lines, index + 2, end)
        elif field is not None:
            index = constraints.read(field, lines, index, end)
        else:
            _preamble(page, title, text, index + 1)
            index += 1
    if field is not None:
        yield field


def _preamble(page: Page, title: str, text: str, line: int) -> None:
    """Read a line between a section's title and its first field: a status, a media type, or prose."""
    status = _STATUS.fullmatch(text)
    if title == "Response" and status:
        page.status = status[1]
        text = status[2] or ""
    if re.fullmatch(r"[\w.+-]+/[\w.+-]+", text):
        page.media_types[title] = Fact(text, line=line)
    elif text:
        page.prose.append(Fact(text, line=line))


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[\w$-]+((\[\])?\.[\w$-]+)*(\[\])?", text) is not None


def _type(text: str) -> tuple[frozenset[str], Any] | None:
    """The types that a line names, with a function for the facts that they carry; None if it names none."""
    types: set[str] = set()
    formats: list[str] = []
    for part in re.split(r"\s*\|\s*", text):
        match = _TYPE.fullmatch(part)
        if match is None:
            return None
        base, inner = match["base"], match["inner"]
        if match["lists"]:
            base = "array"
        elif base == "enum":
            base = inner or "string"
        elif inner:
            formats.append(inner)
        elif base == "file":
            base = "string"
            formats.append("binary")
        types.add(base)
    types_ = frozenset() if "any" in types else frozenset(types)
    return types_, lambda line: {"format": Fact(formats[0], line=line)} if formats else {}


def _marks(field: Field, lines: list[str], index: int, end: int) -> int:
    while index < end and _MARKS.fullmatch(lines[index].strip()):
        text = lines[index].strip()
        if text.endswith("required"):
            field.required = True
        if "deprecated" in text.partition("default:")[0]:
            field.deprecated = True
        if "default:" in text:
            field.facts["default"] = Fact(constraints.value(text.partition("default:")[2]), line=index + 1)
        index += 1
    return index
