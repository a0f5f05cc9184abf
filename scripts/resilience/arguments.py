"""Checks what the commands of trials are told, before they begin. Knows no trial, and needs nothing installed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def count(text: str) -> int:
    """How many of something, as argparse takes it."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def chosen(parser: argparse.ArgumentParser, given: Sequence[str], known: Sequence[str]) -> list[str]:
    """The known parts that were asked for, in the order known; all where none was. Refuses one that is none."""
    unknown = [part for part in given if part not in known]
    if unknown:
        parser.error(f"{unknown[0]!r} is none of {', '.join(known)}")
    return [part for part in known if part in (given or known)]


def check_folders(parser: argparse.ArgumentParser, *paths: Path | None) -> None:
    """Refuse files that could not be written at the end, when all the work is done."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            parser.error(f"there is no folder {path.parent} for {path.name}")
