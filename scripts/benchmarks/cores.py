"""Owns which core the server has and which the clients have, and whether others want them too.

Where cores cannot be chosen, none is.
"""

from __future__ import annotations

import os
import sys


def chosen() -> tuple[int | None, int | None]:
    """The server's core and the clients'; None, None where there is one only, or no way to choose."""
    if sys.platform != "linux":
        return None, None
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[-1]) if len(available) > 1 else (None, None)


def pin(core: int | None) -> None:
    """Run this process, and what it starts from now on, on a core."""
    if sys.platform == "linux" and core is not None:
        os.sched_setaffinity(0, {core})


def load() -> float | None:
    """How many processes wanted a core, on average of the last minute; None where that is not known."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
