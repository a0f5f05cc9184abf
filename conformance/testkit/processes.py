"""Stops processes: politely at first."""

from __future__ import annotations

import subprocess
from typing import Any, Final

GRACE: Final = 10.0


def stop(process: subprocess.Popen[Any], grace: float = GRACE) -> None:
    """Terminate a process that still runs, and kill it when it does not end in time. Its pipes are read and closed.

    grace: seconds from SIGTERM to SIGKILL; it may have servers of its own to stop
    """
    if process.poll() is None:
        process.terminate()
    try:
        process.communicate(timeout=grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        # Not read to their end, which a process that it started may hold open.
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
