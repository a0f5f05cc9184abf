"""Reads what a process holds: memory, file descriptors, sockets, threads. Knows neither clients nor servers."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
import psutil  # type: ignore[import-untyped]

MIB: Final = 2**20


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What a process held at a moment."""

    at: float
    """Seconds since the watching began."""
    memory: float
    """Resident, in MiB."""
    descriptors: int
    """Open files and sockets; where the system does not tell, 0."""
    threads: int
    sockets: dict[str, int]
    """Of TCP, by their state."""
    cpu: float
    """Seconds of it since the process began."""

    @property
    def connections(self) -> int:
        """Sockets of any state but those that listen."""
        return sum(count for state, count in self.sockets.items() if state != psutil.CONN_LISTEN)

    @property
    def half_closed(self) -> int:
        """Sockets whose other side has hung up, and which nobody has closed yet."""
        return self.sockets.get(psutil.CONN_CLOSE_WAIT, 0)


class Gauge:
    """Watches one process."""

    def __init__(self, process_id: int) -> None:
        self._process = psutil.Process(process_id)

    def read(self, at: float) -> Sample | None:
        """What it holds; None once it is gone."""
        process = self._process
        try:
            with process.oneshot():
                spent = process.cpu_times()
                return Sample(
                    at=round(at, 2),
                    memory=round(process.memory_info().rss / MIB, 2),
                    descriptors=process.num_fds() if hasattr(process, "num_fds") else 0,
                    threads=process.num_threads(),
                    sockets=dict(Counter(socket.status for socket in process.net_connections("tcp"))),
                    cpu=round(spent.user + spent.system, 2),
                )
        except psutil.Error:
            return None
