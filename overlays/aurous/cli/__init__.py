"""The command `aurous`: its entry point, exit status and last line of output. Internal."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from . import arguments, output
from .arguments import INTERRUPTED, NO_ANSWER, OUTPUT_CLOSED


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (default: `sys.argv`). Returns the exit status.

    argparse raises SystemExit after --help and for unknown flags.
    """
    if sys.stderr is None:
        # Closed by the parent process: `print` would write receipts and errors to standard output instead.
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:
        # Closed by the parent process: a paid answer could not be shown.
        output.write_note("standard output is closed")
        return NO_ANSWER
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An answer may have characters that the terminal's encoding lacks, or lone surrogates.
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            try:
                return _run(argv)
            finally:
                # Not at interpreter exit, where a closed pipe prints a traceback.
                sys.stdout.flush()
        except BrokenPipeError:
            _discard(sys.stdout)
            return OUTPUT_CLOSED
        except OSError as error:
            output.write_note(f"cannot write {error.filename or 'the answer'}: {error.strerror or error}")
            _discard(sys.stdout)
            return NO_ANSWER
        except KeyboardInterrupt:
            output.write_note("interrupted")
            return INTERRUPTED
        finally:
            try:
                sys.stderr.flush()
            except OSError:
                _discard(sys.stderr)


def _run(argv: Sequence[str] | None) -> int:
    flags = arguments.parse(argv)
    # Imported late, so that help and usage errors are fast.
    from aurous_client.errors import EncodeError

    from ..errors import AurousError
    from . import commands, failures

    try:
        return commands.run(flags)
    except (AurousError, EncodeError) as error:
        output.write_note(failures.summary(error))
        return failures.exit_status(error)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    # Without the source line, which says nothing to users of a command.
    output.write_note(f"warning: {message}")


def _discard(stream: TextIO) -> None:
    """Redirect to nowhere what a stream could not write, and Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
