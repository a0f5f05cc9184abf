"""The command `aurous`: its entry point, exit status and last line of output. Internal."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence

from . import arguments
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
        print("aurous: standard output is closed", file=sys.stderr)
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
            _discard_output()
            return OUTPUT_CLOSED
        except OSError as error:
            print(f"aurous: cannot write the answer: {error.strerror or error}", file=sys.stderr)
            _discard_output()
            return NO_ANSWER
        except KeyboardInterrupt:
            print("aurous: interrupted", file=sys.stderr)
            return INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    flags = arguments.parse(argv)
    # Imported late, so that help and usage errors are fast.
    from aurous_client.errors import EncodeError

    from ..errors import AurousError
    from . import commands, failures, output

    try:
        return commands.run(flags)
    except (AurousError, EncodeError) as error:
        output.write_note(failures.summary(error))
        return failures.exit_status(error)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    # Without the source line, which says nothing to users of a command.
    print(f"aurous: warning: {message}", file=sys.stderr)


def _discard_output() -> None:
    """Redirect what Python flushes at exit to nowhere."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
