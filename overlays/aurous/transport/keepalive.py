"""Probes idle connections by TCP, and keeps old ones from being reused."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

# Seconds after which an unused connection is closed. Load balancers close theirs after 60 s, some of them silently.
KEEPALIVE_EXPIRY: Final = 45.0
# Seconds without data before the first probe, and between probes; so many without an answer end the connection.
_IDLE: Final = 60
_INTERVAL: Final = 15
_PROBES: Final = 4


def socket_options() -> list[tuple[int, int, int]]:
    """Options of a socket that make the system probe its peer: a call may wait in silence for minutes."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    # macOS has another name for the first, and old systems have none of them.
    for names, value in (
        (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), _IDLE),
        (("TCP_KEEPINTVL",), _INTERVAL),
        (("TCP_KEEPCNT",), _PROBES),
    ):
        number = next((getattr(socket, name) for name in names if hasattr(socket, name)), None)
        if number is not None:
            options.append((socket.IPPROTO_TCP, number, value))
    return options


def readiness(connected: Any) -> Callable[[], object]:
    """A function that returns a true value if an idle connection is readable: its server has closed it.

    It is called for every request, so it is one of C.
    """
    import select

    if not hasattr(select, "poll"):
        return lambda: select.select([connected], [], [], 0)[0]
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return partial(poll.poll, 0)
