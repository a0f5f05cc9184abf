"""Owns standard output and standard error: text, JSON, columns, lines and receipts. Knows no calls and no commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from aurous_client.types import JsonObject

from ..types import Receipt

# Control characters but for tab and newline: what could steer a terminal. A carriage return is part of many a line end.
_STEERING: Final = {code: "\ufffd" for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\t\n"}
_HARMLESS: Final = {**_STEERING, ord("\r"): ""}


def write(text: str) -> None:
    """Write to standard output at once: as it is into a pipe or file, harmless on a terminal."""
    sys.stdout.write(harmless(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def write_line(text: str) -> None:
    """Write text and end its line, unless it does so itself."""
    write(text if text.endswith("\n") else f"{text}\n")


def write_json(document: JsonObject) -> None:
    """Write an object of the API as it was read, members that are not documented included."""
    is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    write_line(json.dumps(document.to_dict(), indent=2, ensure_ascii=not is_utf8))


def write_columns(rows: Sequence[Sequence[str]]) -> None:
    """Write rows of as many cells each, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def tell(line: str) -> None:
    """Say one line on standard error."""
    print(f"aurous: {harmless(line)}", file=sys.stderr, flush=True)


def tell_receipt(receipt: Receipt) -> None:
    """Say what a completion cost, and its id."""
    tell(f"{price(receipt)}, {receipt.completion_id}")
    for warning in receipt.warnings:
        tell(f"warning: {warning}")


def price(receipt: Receipt) -> str:
    """A receipt in words: credits to the digit, and tokens."""
    parts = [f"{receipt.prompt_tokens} in", f"{receipt.completion_tokens} out"]
    if receipt.reasoning_tokens:
        parts.append(f"{receipt.reasoning_tokens} reasoning")
    return f"{receipt.credits:f} credits, {receipt.total_tokens} tokens ({', '.join(parts)})"


def amount(credits: float) -> str:
    """Credits to the last digit that was sent."""
    return f"{Decimal(repr(credits)).normalize():f}"


def harmless(text: str) -> str:
    """Text as a terminal may get it: nothing in it moves the cursor, sets a title or clears the screen."""
    return text.translate(_HARMLESS)
