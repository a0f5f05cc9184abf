"""Resident memory of a process: what it holds now, and its peak since the last reset."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

MIB: Final = 2**20


def peak_of_children() -> float:
    """The most that a process which this one started, and waited for, has held, in MiB; 0 where it is not known."""
    if sys.platform != "linux":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


class PeakMemory:
    """The peak of a process in MiB since the last `reset`; on systems without /proc, what it holds now."""

    def __init__(self, process_id: int) -> None:
        self._process = psutil.Process(process_id)
        self._folder = Path(f"/proc/{process_id}")
        self.reset()

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            # 5 resets the peak to what is resident now.
            (self._folder / "clear_refs").write_text("5")
        self.before = self.current()

    def current(self) -> float:
        return float(self._process.memory_info().rss) / MIB

    def growth(self) -> float:
        """The peak above what was resident at the last reset."""
        try:
            status = (self._folder / "status").read_text()
            peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        except (OSError, IndexError):
            peak = self.current()
        return max(peak - self.before, 0.0)
