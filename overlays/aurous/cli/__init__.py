"""The command `aurous`. Owns how a run ends: its exit status and its last line. Knows no command and no flag."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence

from . import arguments
from .arguments import CLOSED, INTERRUPTED, UNANSWERED


def main(given: Sequence[str] | None = None) -> int:
    """Run a command line, that of the process unless one is given. Returns the exit status.

    argparse ends the run by SystemExit, as it does after --help and for a flag that it does not know.
    """
    if sys.stdout is None:
        # Closed by whoever started this: nothing that is paid for could be shown.
        print("aurous: standard output is closed", file=sys.stderr)
        return UNANSWERED
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An answer can hold what the terminal's encoding lacks, or half of a surrogate pair. It was paid for.
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            try:
                return _run(given)
            finally:
                # Here and not at the interpreter's end, where a closed pipe leaves an ugly line.
                sys.stdout.flush()
        except BrokenPipeError:
            _give_up_output()
            return CLOSED
        except OSError as error:
            print(f"aurous: cannot write the answer: {error.strerror or error}", file=sys.stderr)
            _give_up_output()
            return UNANSWERED
        except KeyboardInterrupt:
            print("aurous: interrupted", file=sys.stderr)
            return INTERRUPTED


def _run(given: Sequence[str] | None) -> int:
    flags = arguments.read(given)
    # Imported late: help and mistakes in the flags do not wait for it.
    from aurous_client.errors import EncodeError

    from ..errors import AurousError
    from . import commands, failures, output

    try:
        return commands.run(flags)
    except (AurousError, EncodeError) as error:
        output.tell(failures.line(error))
        return failures.status(error)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    # Without the place in the code, which is of no use to who typed a command.
    print(f"aurous: warning: {message}", file=sys.stderr)


def _give_up_output() -> None:
    """Let what Python still wants to flush at its end go nowhere."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
