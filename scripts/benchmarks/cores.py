"""CPU cores of server and clients, and the load of the machine."""

from __future__ import annotations

import os
import sys


def choose() -> tuple[int | None, int | None]:
    """The cores of server and clients; None, None if there is only one, or no way to pin."""
    if sys.platform != "linux":
        return None, None
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[-1]) if len(available) > 1 else (None, None)


def pin(core: int | None) -> None:
    """Pin this process, and those it starts, to a core."""
    if sys.platform == "linux" and core is not None:
        os.sched_setaffinity(0, {core})


def load() -> float | None:
    """The load average of the last minute; None where the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
