"""Checks of command-line arguments that several scripts share; needs no installed package."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path


def count(text: str) -> int:
    """An argparse type: a positive count."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def whole(text: str) -> int:
    """An argparse type: a whole number, 0 included."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def quota(text: str) -> int | None:
    """An argparse type: a whole number, or `none` for no bound."""
    return None if text == "none" else whole(text)


def choose_parts(parser: argparse.ArgumentParser, given: Sequence[str], known: Sequence[str]) -> list[str]:
    """The chosen parts in their order, all if none was named. Refuses an unknown one."""
    unknown = [part for part in given if part not in known]
    if unknown:
        parser.error(f"{unknown[0]!r} is not one of {', '.join(known)}")
    return [part for part in known if part in (given or known)]


def check_output_files(parser: argparse.ArgumentParser, *paths: Path | None) -> None:
    """Refuse output files that cannot be written, before the run instead of after it."""
    for path in filter(None, paths):
        target = path.resolve()
        if not target.parent.is_dir():
            parser.error(f"there is no folder {path.parent} for {path.name}")
        if target.is_dir():
            parser.error(f"{path} is a folder, and no file")
        if not os.access(target if target.exists() else target.parent, os.W_OK):
            parser.error(f"{path} cannot be written")
