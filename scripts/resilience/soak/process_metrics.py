"""Memory, file descriptors, sockets and threads of a process, read with psutil."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
import psutil  # type: ignore[import-untyped]

MIB: Final = 2**20


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The resources of a process at one moment."""

    at: float
    """Seconds since sampling began."""
    memory: float
    """Resident set in MiB."""
    descriptors: int
    """Open files and sockets; 0 where the system has no such count."""
    threads: int
    sockets: dict[str, int]
    """TCP sockets by state."""
    cpu: float
    """CPU seconds since the process began."""

    @property
    def connections(self) -> int:
        """Sockets in any state but LISTEN."""
        return sum(count for state, count in self.sockets.items() if state != psutil.CONN_LISTEN)

    @property
    def half_closed(self) -> int:
        """Sockets in CLOSE_WAIT: closed by the peer and not yet here."""
        return self.sockets.get(psutil.CONN_CLOSE_WAIT, 0)


class ProcessMetrics:
    """Reads the resources of one process."""

    def __init__(self, process_id: int) -> None:
        self._process = psutil.Process(process_id)

    def read(self, at: float) -> Sample | None:
        """A sample; None once the process has exited."""
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
