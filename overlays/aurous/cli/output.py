"""Writes text, JSON, columns and notes to standard output and standard error. Internal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .._json import decode_digits, encode_digits
from ..types import context_of

if TYPE_CHECKING:
    from aurous_client.types import JsonObject

    from ..types import Receipt

# Control characters other than tab and newline could control a terminal. Carriage returns are part of line endings.
_CONTROL_CHARACTERS: Final = {code: "\ufffd" for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\t\n"}
_REPLACEMENTS: Final = {**_CONTROL_CHARACTERS, ord("\r"): ""}
# More would fill the screen.
_MAX_DIGITS: Final = 40
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]+")


def write(text: str) -> None:
    """Write to standard output at once: as it is into a pipe or file, sanitized on a terminal."""
    sys.stdout.write(sanitize(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def write_line(text: str) -> None:
    """Write text, with a newline at its end unless it has one."""
    write(text if text.endswith("\n") else f"{text}\n")


def write_json(document: JsonObject) -> None:
    """Write an object of the API as it was received, with undocumented members, and numbers to the digit."""
    context = context_of(document)
    received = decode_digits(context.content) if context is not None and context.content else {}
    if context is None or context.operation is None:
        # What was put together from a stream has no body, but the event with its figures.
        received = document.to_dict() | {name: figures for name, figures in received.items() if name == "usage"}
    write_line(encode_digits(received, is_ascii=not _is_utf8(), margin="\n"))


def write_json_text(text: str) -> None:
    """Write JSON as it is; where standard output is not UTF-8, with the escapes of JSON for what is not ASCII."""
    # Outside of strings, JSON has only ASCII.
    write_line(text if _is_utf8() else _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text))


def write_columns(rows: Sequence[Sequence[str]]) -> None:
    """Write rows of equal length as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def write_note(line: str) -> None:
    """Write one line to standard error, unless its disk is full or its reader gone: answers do not fail for that."""
    with suppress(OSError):
        print(f"aurous: {sanitize(line)}", file=sys.stderr, flush=True)


def write_receipt(receipt: Receipt) -> None:
    """Write the cost and id of a completion to standard error."""
    write_note(f"{price(receipt)}, {receipt.completion_id}")
    for warning in receipt.warnings:
        write_note(f"warning: {warning}")


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: `1 line`, `2,000 lines`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def price(receipt: Receipt) -> str:
    """The credits and tokens of a receipt as text."""
    parts = [f"{receipt.prompt_tokens} in", f"{receipt.completion_tokens} out"]
    if receipt.reasoning_tokens:
        parts.append(f"{receipt.reasoning_tokens} reasoning")
    return f"{receipt.credits:f} credits, {receipt.total_tokens} tokens ({', '.join(parts)})"


def amount(credits: float) -> str:
    """Credits with all their digits, but no zeros at their end."""
    exact = Decimal(repr(credits)).normalize()
    return str(exact) if abs(exact.adjusted()) > _MAX_DIGITS else f"{exact:f}"


def _is_utf8() -> bool:
    return sys.stdout.encoding.lower().replace("-", "") == "utf8"


def sanitize(text: str) -> str:
    """Text without control sequences that could move the cursor, set a title or clear the screen."""
    return text.translate(_REPLACEMENTS)
