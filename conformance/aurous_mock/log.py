"""Writes on standard error. A log that cannot be written fails no request, and ends no connection."""

import sys
import traceback
from contextlib import suppress


def write_line(line: str) -> None:
    """Write a line, if there is a standard error that takes it."""
    # None without a console; closed where a test that captures it is over.
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr)


def write_traceback(error: BaseException) -> None:
    """Write what led to an error."""
    write_line("".join(traceback.format_exception(error)).rstrip("\n"))
