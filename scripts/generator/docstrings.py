"""Turns descriptions and bounds of the spec into the lines of docstrings."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .spec import Spec

WIDTH = 112
_FLAGS = {
    "deprecated": "Deprecated.",
    "readOnly": "Set by the server.",
    "writeOnly": "Never sent by the server.",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def docstring(*paragraphs: str, width: int = WIDTH) -> list[str]:
    """The lines of a docstring; paragraphs are wrapped and stand apart, blocks of indented lines stay as they are."""
    lines: list[str] = []
    for paragraph in paragraphs:
        if not paragraph.strip():
            continue
        if lines:
            lines.append("")
        for part in paragraph.strip("\n").split("\n\n"):
            if lines and lines[-1] != "":
                lines.append("")
            lines += _wrap(part, width)
    written = [safe(line) for line in lines] or [""]
    if len(written) == 1 and written[0].endswith('"'):
        written[0] += " "  # Or it would end the docstring one quote too early.
    return written


def safe(text: str) -> str:
    """Text that cannot end the docstring it stands in, nor mean anything to Python."""
    return _CONTROL.sub("", text).replace("\\", "\\\\").replace('"""', "'''")


def sentence(text: str) -> str:
    """The text on one line, ended by a full stop."""
    text = " ".join(text.split())
    return text if not text or text.endswith((".", "?", "!", ":")) else f"{text}."


def describe(spec: Spec, schema: Mapping[str, Any]) -> str:
    """What a member is, in one paragraph: its own description, else its component's, and its bounds."""
    target = _described(spec, schema)
    flags = [text for keyword, text in _FLAGS.items() if schema.get(keyword)]
    default = schema.get("default")
    sentences = [*flags, sentence(str(target.get("description", ""))), *bounds(spec, schema)]
    if default is not None and "const" not in schema:
        sentences.append(f"By default {json.dumps(default, ensure_ascii=False)}.")
    return " ".join(filter(None, sentences))


def bounds(spec: Spec, schema: Mapping[str, Any]) -> list[str]:
    """The limits that a schema sets, a sentence each."""
    schema = spec.follow(schema)
    sentences = [
        _between(schema.get("minimum"), schema.get("maximum"), ""),
        _between(schema.get("minLength"), schema.get("maxLength"), "character"),
        _between(schema.get("minItems"), schema.get("maxItems"), "item"),
    ]
    for keyword, word in (("exclusiveMinimum", "More than"), ("exclusiveMaximum", "Less than")):
        if keyword in schema:
            sentences.append(f"{word} {schema[keyword]}.")
    if "pattern" in schema:
        sentences.append(f"Matches `{schema['pattern']}`.")
    if "enum" in schema:
        sentences.append(f"One of {', '.join(f'`{value}`' for value in schema['enum'])}.")
    return [text for text in sentences if text]


def errors(spec: Spec, codes: Sequence[str]) -> str:
    """The documented error codes of an operation, a line for each status."""
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(spec.error_codes[code]["status"]), []).append(f"`{code}`")
    return _block("Errors by status:", (f"{status}: {', '.join(names)}" for status, names in sorted(by_status.items())))


def arguments(items: Iterable[tuple[str, str]]) -> str:
    return _block("Args:", (f"{name}: {text}" if text else f"{name}:" for name, text in items))


def _block(title: str, items: Iterable[str]) -> str:
    lines = [title]
    for item in items:
        lines += textwrap.wrap(
            item,
            WIDTH - 12,
            initial_indent="    ",
            subsequent_indent="        ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines) if len(lines) > 1 else ""


def _wrap(part: str, width: int) -> list[str]:
    if any(line.startswith("    ") for line in part.split("\n")):
        return part.split("\n")
    return textwrap.wrap(" ".join(part.split()), width, break_long_words=False, break_on_hyphens=False)


def _described(spec: Spec, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "description" not in schema and "$ref" in schema:
        schema = spec.follow(schema)
    return schema


def _between(least: float | None, most: float | None, unit: str) -> str:
    counted = most if most is not None else least
    unit = f" {unit}" + "s" * (counted != 1) if unit else ""
    if least is not None and least == most:
        return f"Exactly {least}{unit}."
    if least is not None and most is not None:
        return f"{least} to {most}{unit}."
    if least is not None:
        return f"At least {least}{unit}."
    if most is not None:
        return f"At most {most}{unit}."
    return ""
